"""Processes beside this one: none is left when it ends, however it does."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from deepmir_bids.errors import KilledError, UsageError

Item = TypeVar('Item')
Result = TypeVar('Result')

#: Linux' ``prctl``: the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1
#: Items that a process gets at once: fewer are not worth a process.
CHUNK = 500


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], count: int
) -> Iterator[Result]:
    """Do some work on very many items in several processes; results come in the items' order.

    For work that is Python's own, of which threads do one thing at a time.

    Raises
    ------
    UsageError
        One of them was killed.

    """
    if count == 1 or len(items) <= CHUNK:
        yield from map(work, items)
        return
    pool = process_pool(count, os.getcwd())
    try:
        yield from pool.map(work, items, chunksize=CHUNK)
    except BrokenProcessPool as error:
        raise UsageError(f'A process beside this one {KilledError()}') from error
    finally:  # what has not begun is given up when the user stops it
        pool.shutdown(cancel_futures=True)


def process_pool(count: int, directory: str) -> ProcessPoolExecutor:
    """A pool of forked processes that work in a directory, and end with this one."""
    return ProcessPoolExecutor(
        count,
        multiprocessing.get_context('fork'),
        initializer=_begin,
        initargs=(os.getpid(), directory),
    )


def _begin(parent: int, directory: str) -> None:
    """Set up a process: the terminal's interrupt is its parent's business, and so is its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        os.kill(os.getpid(), signal.SIGKILL)
    os.environ['NIPYPE_NO_ET'] = '1'
    os.chdir(directory)
