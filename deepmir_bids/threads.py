"""How many threads a step may use, on every machine that it may be sent to; and work for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')

#: Items that a process gets at once: fewer are not worth a process.
CHUNK = 500


def thread_variables(count: int) -> dict[str, str]:
    """Environment variables that hold ITK (ANTs), OpenMP and BLAS to a number of threads."""
    names = ('ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')
    return dict.fromkeys(names, str(count))


def limit_threads(count: int) -> None:
    """Hold this process to a number of threads; call before torch and numpy are imported."""
    os.environ.update(thread_variables(count))


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], count: int
) -> Iterator[Result]:
    """Do some work on many items, several at once in threads; results come in the items' order.

    Threads do as well as processes for images: most of the time goes into inflating and numpy.
    """
    pool = ThreadPoolExecutor(count)
    try:
        yield from pool.map(work, items)
    finally:  # what has not begun is given up when the user stops it
        pool.shutdown(cancel_futures=True)


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], count: int
) -> Iterator[Result]:
    """Do some work on very many items in several processes; results come in the items' order.

    For work that is Python's own, of which threads do one thing at a time.
    """
    if count == 1 or len(items) <= CHUNK:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(count, get_context('fork')) as pool:
        yield from pool.map(work, items, chunksize=CHUNK)
