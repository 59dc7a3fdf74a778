"""Processes that work is done in: none takes another one with it, and none is left."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from deepmir_bids.errors import KilledError, UsageError

Item = TypeVar('Item')
Result = TypeVar('Result')

#: Linux' ``prctl``: the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1
#: Items that a process gets at once: fewer are not worth a process.
CHUNK = 500


class Workers:
    """A pool of processes, each on its own.

    Of a common pool nobody can tell which process was killed, and with what step; and all its
    other steps are lost.
    """

    def __init__(self, count: int):
        self._directory = os.getcwd()
        self._executors = [self._start() for _ in range(count)]
        self._futures: list[Future | None] = [None] * count

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Call a function in a free process; ``BrokenProcessPool`` if that one is killed."""
        free = next(n for n, future in enumerate(self._futures) if future is None or future.done())
        try:
            future = self._executors[free].submit(function, *arguments)
        except BrokenProcessPool:  # it was killed with its last step, or at rest
            self._executors[free].shutdown(wait=False)
            self._executors[free] = self._start()
            future = self._executors[free].submit(function, *arguments)
        self._futures[free] = future
        return future

    def shutdown(self) -> None:
        """End all processes when they are done."""
        for executor in self._executors:
            executor.shutdown()

    def _start(self) -> ProcessPoolExecutor:
        return _pool(1, self._directory)


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
    pool = _pool(count, os.getcwd())
    try:
        yield from pool.map(work, items, chunksize=CHUNK)
    except BrokenProcessPool as error:
        raise UsageError(f'A process beside this one {KilledError()}') from error
    finally:  # what has not begun is given up when the user stops it
        pool.shutdown(cancel_futures=True)


def _pool(count: int, directory: str) -> ProcessPoolExecutor:
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
