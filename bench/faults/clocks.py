"""Clocks that jump: times of files and of runs from the past and the future.

No clock is asked which run was the last, so none has to be set: runs are told another time.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from deepmir_bids.bids import run_records
from deepmir_bids.bids.tsv import read_rows
from faults import fake_run
from faults.commands import Command, nothing_left
from faults.fake_results import TAGS, tag_of
from faults.kills import fake_group, finish
from faults.watching import keep

#: How far a clock may be from the one before, in s: a minute, a day, thirty years.
JUMPS = (60, 86_400, 1e9)


def jump(chance: random.Random, folder: Path) -> str:
    """Run a unit that fails and one that is done, in either order, while clocks jump about."""
    good_first = chance.random() < 0.5
    run = partial(fake_run.main, folder, ['01'], 1)
    spoilt = folder / 'sub-01.predict'
    tags = chance.sample(TAGS, 2)
    for number, tag in enumerate(tags):
        at = partial(_with_clock, chance.choice([-1, 1]) * chance.choice(JUMPS))
        if (number == 0) != good_first:
            spoilt.write_text('(_ for _ in ()).throw(MemoryError())')
            _fails(folder, partial(at, partial(run, tag=tag)))
            spoilt.unlink()
        else:
            finish(folder, partial(at, partial(run, tag=tag)))
            good = tag
        _set_times(folder, chance.choice([-60, 60]))
    keep(tag_of(folder / 'out', 'sub-01') == good, 'results of another run')
    said = finish(folder, partial(fake_group, folder))
    (row,) = read_rows(folder / 'out' / 'participants.tsv')
    wanted = 'failed' if good_first else 'done'  # by the run that was really the last
    keep(row['status'] == wanted, f'the group level says {row["status"]}: {said}')
    finish(folder, partial(run, tag=tags[1]))
    keep(tag_of(folder / 'out', 'sub-01') == tags[1], 'results of another run')
    nothing_left(folder)
    return 'good run first' if good_first else 'failed run first'


def _with_clock(seconds: float, function: Callable[[], int]) -> int:
    """Do something at another time, in a process that is about to end."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=seconds)

    real = time.time
    time.time = lambda: real() + seconds
    run_records.datetime = Clock
    return function()


def _fails(folder: Path, run: Callable[[], int]) -> None:
    command = Command(folder, run)
    said = command.end()
    keep(command.status == 1, f'ended with {command.status}: {said}')
    keep('failed: sub-01' in said, f'gives no reason: {said}')


def _set_times(folder: Path, seconds: int) -> None:
    then = time.time() + seconds
    for path in folder.rglob('*'):
        os.utime(path, (then, then), follow_symlinks=False)
