"""Locks on units, for processes on any machine that sees the folder.

A lock is a file that only one process can make. It is a link to a file of its owner, which the
owner touches again and again: a process on another machine is dead when nobody has for long, and
no clock has to be right for that. A file system that has no links gets files that are made
exclusively. Nothing relies on ``flock``, which NFS and Lustre may not have.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from deepmir_bids.bids.cluster_job import this_job
from deepmir_bids.bids.living_process import MARK, is_alive, mark
from deepmir_bids.bids.whole_files import remove_debris

#: How often an owner shows that it is alive, and after which silence it is dead.
PULSE_S, SILENCE_S = 10.0, 60.0
#: How long to wait for a process that is alive.
WAIT_S = 10.0
POLL_S = 0.05


class LockedError(Exception):
    """A living process has the lock; the message says which."""


@dataclass(frozen=True)
class _Owner:
    """Who has a lock, by its file (inode), whose ``pulse`` changes while its owner is alive."""

    token: str
    process: str
    job: str | None
    restarts: int
    file: int
    pulse: int

    @classmethod
    def of(cls, path: Path) -> _Owner | None:
        """Read a lock's file; None if it is not there."""
        try:
            # Opening a file makes NFS ask for its state.
            with path.open(encoding='utf-8', errors='replace') as file:
                about, content = os.fstat(file.fileno()), file.read()
        except OSError:
            return None
        try:
            owner = json.loads(content)
        except ValueError:  # it was made, but not written yet
            owner = {'token': '', 'process': 'an unknown process', 'job': None, 'restarts': 0}
        return cls(**owner, file=about.st_ino, pulse=about.st_mtime_ns)


class UnitLocks:
    """The locks that this process has in a folder; leaving the context gives them all back.

    Parameters
    ----------
    folder
        Where the locks lie. It is made, and removed when it is empty.

    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.token = f'{mark()}-{uuid.uuid4().hex[:8]}'
        self._own = folder / f'{self.token}.run'
        self._touched = [self._own]
        self._left = threading.Event()
        self._names: set[str] = set()
        self._seen: dict[int, tuple[int, float]] = {}

    def __enter__(self) -> UnitLocks:
        while True:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                _write_new(self._own, self._content())
                break
            except FileNotFoundError:  # another process has just removed the empty folder
                continue
        threading.Thread(target=self._pulse, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._left.set()
        for name in list(self._names):
            self.release(name)
        self._own.unlink(missing_ok=True)
        _remove_empty(self.folder)

    def take(self, name: str, wait_s: float = WAIT_S) -> None:
        """Take a lock; that of a dead process becomes this one's.

        Raises
        ------
        LockedError
            After some time, if a living process has it.

        """
        path = self._path(name)
        deadline = time.monotonic() + wait_s
        while not self._make(path):
            owner = _Owner.of(path)
            if owner is None:
                continue
            if owner.token == self.token:  # NFS may make it and say that it is there already
                break
            alive = self._is_alive(owner)
            if alive is False and self._inherit(name, owner):
                break
            if alive and time.monotonic() >= deadline:
                raise LockedError(owner.process)
            time.sleep(POLL_S)
        self._names.add(name)

    def release(self, name: str) -> None:
        """Give a lock back."""
        path = self._path(name)
        self._names.discard(name)
        if self.has(name):
            path.unlink(missing_ok=True)
        if path in self._touched:
            self._touched.remove(path)

    def has(self, name: str) -> bool:
        """Whether this process has a lock: others may have thought it dead."""
        owner = _Owner.of(self._path(name))
        return owner is not None and owner.token == self.token

    def sweep(self) -> None:
        """Remove what processes have left that are surely dead."""
        for path in list(self.folder.iterdir()):
            if path.suffix == '.lock':
                owner = _Owner.of(path)
                if owner is not None and self._is_alive(owner) is False:
                    self.take(path.stem)
                    self.release(path.stem)
            elif MARK.search(path.name):
                remove_debris(path, self._own)

    def _is_alive(self, owner: _Owner) -> bool | None:
        """None: watch it for longer."""
        job, restarts = this_job()
        if job and job == owner.job and restarts > owner.restarts:
            return False  # the scheduler has started this very job anew, perhaps elsewhere
        alive = is_alive(owner.token)
        if alive is not None:
            return alive
        pulse, since = self._seen.setdefault(owner.file, (owner.pulse, time.monotonic()))
        if owner.pulse != pulse:
            return True
        return False if time.monotonic() - since > SILENCE_S else None

    def _inherit(self, name: str, dead: _Owner) -> bool:
        """Put this process in place of a dead one; False if another one was first."""
        # Of all who found it dead, one at a time; the second of them finds another owner.
        heir = f'{name}.after-{dead.token}'
        self.take(heir)
        try:
            now = _Owner.of(self._path(name))
            if now is None or now.token != dead.token:
                return False
            mine = self.folder / f'{self.token}.heir'
            self._make(mine)
            os.replace(mine, self._path(name))
            if mine in self._touched:
                self._touched[self._touched.index(mine)] = self._path(name)
            return True
        finally:
            self.release(heir)

    def _make(self, path: Path) -> bool:
        try:
            os.link(self._own, path)
        except FileExistsError:
            return False
        except OSError:
            try:
                _write_new(path, self._content())
            except FileExistsError:
                return False
            self._touched.append(path)
        return True

    def _path(self, name: str) -> Path:
        return self.folder / f'{name}.lock'

    def _content(self) -> str:
        job, restarts = this_job()
        process = f'process {os.getpid()} on {socket.gethostname()}'
        content = {'token': self.token, 'process': process, 'job': job, 'restarts': restarts}
        return json.dumps(content)

    def _pulse(self) -> None:
        while not self._left.wait(PULSE_S):
            for path in list(self._touched):
                try:
                    os.utime(path)
                except OSError:  # released meanwhile, or a file system that is away for a moment
                    continue


def _write_new(path: Path, content: str) -> None:
    with path.open('x', encoding='utf-8') as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink()
            raise


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # others have something there
        return
