"""How many threads a step may use, on every machine that it may be sent to; and work for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


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
