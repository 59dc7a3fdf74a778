"""What no fault may lead to, whatever it is: looked for after each one."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

#: Of others' errors, which nobody but their authors can read.
FOREIGN = re.compile(
    r'Traceback|^Fence: |^\w*(Error|Exception|Interrupt)\b|File ".*", line', re.MULTILINE
)
#: What is left of a run is gone after so many seconds.
GONE_S = 10.0
#: A command that uses no processor for so many seconds hangs; so does one that is not done after
#: the other, however busy the machine is.
STILL_S, HANG_S = 5.0, 120.0


class Broken(Exception):
    """A rule was broken; the message says which."""


def keep(rule: bool, said: str) -> None:
    """See to it that a rule holds."""
    if not rule:
        raise Broken(said)


def ours(said: str) -> None:
    """What a command says are deepmir's own sentences."""
    found = FOREIGN.search(said)
    keep(found is None, f'not a sentence of deepmir: {said[-2000:]!r}')


def left(session: int) -> list[str]:
    """Processes of a run, by its session, that are still there after some seconds."""
    deadline = time.monotonic() + GONE_S
    while found := _processes(session):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.02)
    return []


class Pulse:
    """Tells a run that hangs from one that has work, by the processor time of its session."""

    def __init__(self, session: int):
        self._session = session
        self._used: dict[str, str] = {}
        self._since = self._begin = time.monotonic()

    def hangs(self) -> bool:
        """Whether none of its processes has worked for too long, or all for far too long."""
        now = time.monotonic()
        used = {
            pid: _read(Path(f'/proc/{pid}/schedstat')).partition(' ')[0]
            for pid in _processes(self._session)
        }
        if used != self._used:
            self._used, self._since = used, now
        return now - self._since > STILL_S or now - self._begin > HANG_S


def _processes(session: int) -> list[str]:
    """Processes of a session, without those that are dead and only waited for."""
    return [
        stat.parent.name
        for stat in Path('/proc').glob('[0-9]*/stat')
        if (fields := _read(stat).rpartition(')')[2].split())
        and int(fields[3]) == session
        and fields[0] not in 'ZX'
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ''


class Fence:
    """Call ``found`` when this process, or a fork of it, writes elsewhere than it may."""

    def __init__(self, found: Callable[[str], None]):
        self._found = found
        self.allowed: tuple[str, ...] = ()
        sys.addaudithook(self._audit)

    def only(self, folders: Iterable[Path]) -> None:
        """Allow these folders from now on; all, if there are none."""
        self.allowed = tuple(f'{os.path.realpath(folder)}/' for folder in folders)

    def _audit(self, event: str, arguments: tuple) -> None:
        if not self.allowed or event not in _CHANGES:
            return
        if event == 'open' and not _writes(arguments[2]):
            return
        for path, folder in _CHANGES[event]:
            if isinstance(arguments[path], str | bytes | os.PathLike):
                number = -1 if folder is None else arguments[folder]
                within = '' if number < 0 else f'/proc/self/fd/{number}'
                real = os.path.realpath(os.path.join(within, os.fsdecode(arguments[path])))
                # In a fresh checkout Python keeps what it compiles of a module.
                compiled = os.path.basename(os.path.dirname(real)) == '__pycache__'
                if not compiled and not f'{real}/'.startswith((*self.allowed, '/dev/')):
                    self._found(f'{event} outside: {real}')


#: What Python says before it changes a file: where in that are the paths, and the numbers of the
#: folders that they are relative to. What a link points to is not changed.
_CHANGES: dict[str, list[tuple[int, int | None]]] = {
    'open': [(0, None)],
    'os.mkdir': [(0, 2)],
    'os.rename': [(0, 2), (1, 3)],
    'os.remove': [(0, 1)],
    'os.rmdir': [(0, 1)],
    'os.symlink': [(1, 2)],
}


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
