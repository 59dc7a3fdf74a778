"""Which process wrote something, and whether it still runs."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import uuid
from pathlib import Path

#: What `mark` makes: the kernel and its table of processes, process, and when that started.
MARK = re.compile(r'(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)')


def mark() -> str:
    """Name this process so that no other one, on any machine at any time, has the same."""
    return f'{_machine()}-{os.getpid()}-{_start(os.getpid())}'


def is_alive(marked: str) -> bool | None:
    """Whether a process still runs, by a text that has its mark; None: not to be known from here.

    On another machine, before a restart of this one, or in another container, numbers of
    processes mean others.
    """
    found = MARK.search(marked)
    if found is None or found['machine'] != _machine():
        return None
    return _start(int(found['pid'])) == int(found['start'])


@functools.cache
def _machine() -> str:
    try:
        boot = Path('/proc/sys/kernel/random/boot_id').read_text()
        table = os.readlink('/proc/self/ns/pid')
    except OSError:  # a sandbox that does not say: then it is a machine of its own
        boot, table = uuid.uuid4().hex, ''
    return hashlib.sha256(f'{boot} {table}'.encode()).hexdigest()[:8]


def _start(process: int) -> int | None:
    """When a process was started, in ticks since the machine was; None if it does not run."""
    try:
        # What comes before is its name, which may hold anything.
        state, *numbers = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return None
    return None if state in 'ZX' else int(numbers[18])
