"""Memory between the layers of a network.

Each layer's result takes tens of megabytes. By default the C library returns as much to the system
as soon as it is freed, and the next layer gets it back page by page, each to be cleared first: a
third of the time of the default network on a CPU.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

#: Parameters of mallopt(3), and what two of them are by default.
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
DEFAULTS = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65536}
LARGEST = 2**31 - 1

#: Uses that have begun and not ended: a training predicts in between.
_uses = 0


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let this process keep what it frees for its next use, and return it all at the end.

    A worker waits for hours between two predictions, beside others that need the memory. glibc
    alone knows how; elsewhere nothing happens.

    """
    global _uses
    library = ctypes.CDLL(None)
    if not hasattr(library, 'mallopt') or not hasattr(library, 'malloc_trim'):
        yield
        return
    _uses += 1
    # Of the memory that threads have of their own the C library returns only a part: they are to
    # share. This alone stays; it costs no time, for they ask seldom and for much.
    library.mallopt(ARENA_MAX, 1)
    library.mallopt(MMAP_MAX, 0)
    library.mallopt(TRIM_THRESHOLD, LARGEST)
    try:
        yield
    finally:
        _uses -= 1
        if not _uses:
            for parameter, value in DEFAULTS.items():
                library.mallopt(parameter, value)
            library.malloc_trim(0)
