"""Memory between the layers of a network.

Each layer's result takes tens of megabytes. By default the C library returns as much to the system
as soon as it is freed, and the next layer gets it back page by page, each to be cleared first: a
third of the time of the default network on a CPU.
"""

from __future__ import annotations

import ctypes

#: Parameters of mallopt(3).
TRIM_THRESHOLD, MMAP_MAX = -1, -4
LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for its next use; glibc alone knows how."""
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, LARGEST)
