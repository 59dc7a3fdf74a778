"""How many threads a step may use, on every machine that it may be sent to."""

from __future__ import annotations

import os


def thread_variables(count: int) -> dict[str, str]:
    """Environment variables that hold ITK (ANTs), OpenMP and BLAS to a number of threads."""
    names = ('ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')
    return dict.fromkeys(names, str(count))


def limit_threads(count: int) -> None:
    """Hold this process to a number of threads; call before torch and numpy are imported."""
    os.environ.update(thread_variables(count))
