"""Disks that are full at each writing step in turn: small ones of memory.

The number of a trial says how many pages are left; the highest leaves room enough.
"""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deepmir_bids.running import participant_level, preflight
from faults import fake_run
from faults.commands import Command, nothing_left
from faults.fake_results import bring, tag_of
from faults.kills import contents, fake_group, finish, same
from faults.watching import Broken, keep

PAGE = 4096
DISK_BYTES = 16 * 1024 * 1024


def of_results(chance: random.Random, folder: Path, number: int) -> str:
    """The disk of ``out_dir`` is full as one unit's results replace earlier ones."""
    return _participant(folder, 'out', number)


def of_work(chance: random.Random, folder: Path, number: int) -> str:
    """The same of the work folder."""
    return _participant(folder, 'work', 3 * number)


def _participant(folder: Path, place: str, pages: int) -> str:
    with _small_disk(folder / place) as disk:
        bring(str(folder / 'out'), 'sub-01', 'one', 'earlier')
        run = partial(_without_forecast, partial(fake_run.main, folder, ['01'], 1, tag='two'))
        with disk.filled(pages):
            said = _end(folder, run, disk)
        tag_of(folder / 'out', 'sub-01')
        finish(folder, run)
        keep(tag_of(folder / 'out', 'sub-01') == 'two', 'not replaced when there was room')
        nothing_left(folder)
    return _when(said)


def of_group(chance: random.Random, folder: Path, number: int) -> str:
    """The disk of ``out_dir`` is full as the group level writes."""
    from made_outputs import write_cohort

    with _small_disk(folder / 'out') as disk:
        write_cohort(folder / 'out', 3)
        run = partial(_without_forecast, partial(fake_group, folder))
        finish(folder, run)
        before = contents(folder / 'out')
        by_sex = partial(_without_forecast, partial(fake_group, folder, '--by', 'sex'))
        # Tables are a page each, and the last file, the page of the cohort, is some hundred.
        with disk.filled(number if number < 40 else 40 * (number - 39)):
            said = _end(folder, by_sex, disk)
        keep(set(contents(folder / 'out')) >= set(before), 'a file of the earlier one is gone')
        finish(folder, run)
        same(contents(folder / 'out'), before)
        nothing_left(folder)
    return _when(said)


def _end(folder: Path, run, disk: _Disk) -> str:
    command = Command(folder, partial(disk.limited, run))
    said = command.end()
    full = 'no room on the disk' in said
    keep(command.status == int(full), f'ended with {command.status}: {said}')
    return said


def _when(said: str) -> str:
    return 'it was full' if 'no room' in said else 'there was room enough'


def _without_forecast(function) -> int:
    """Run a command which does not foresee that there will be no room."""
    preflight.FREE_GB = 0
    participant_level.check_room = lambda *_: None
    return function()


class _Disk:
    """A file system of its own, or where that is not allowed, a limit on the size of files."""

    def __init__(self, folder: Path, mounted: bool):
        self._folder = folder
        self.mounted = mounted
        self._pages: int | None = None

    @contextmanager
    def filled(self, pages: int) -> Iterator[None]:
        """Leave so many pages free."""
        ballast = self._folder / 'ballast'
        self._pages = pages
        if self.mounted:
            free = os.statvfs(self._folder).f_bavail
            with ballast.open('wb') as file:
                os.posix_fallocate(file.fileno(), 0, max(1, free - pages) * PAGE)
        try:
            yield
        finally:
            self._pages = None
            ballast.unlink(missing_ok=True)

    def limited(self, function) -> int:
        """Do something in a process that is about to end."""
        if not self.mounted and self._pages is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limit = self._pages * 100
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return function()


@contextmanager
def _small_disk(folder: Path) -> Iterator[_Disk]:
    folder.mkdir(parents=True)
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.fsencode(folder)
    mounted = libc.mount(b'tmpfs', place, b'tmpfs', 0, b'size=%d' % DISK_BYTES) == 0
    if not mounted:
        print('a disk of memory cannot be mounted here: files are kept small instead', flush=True)
    try:
        yield _Disk(folder, mounted)
    finally:
        if mounted and libc.umount2(place, 2):
            raise Broken(f'{folder} cannot be unmounted')
