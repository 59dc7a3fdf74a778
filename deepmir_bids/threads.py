"""How many threads a step may use, on every machine that it may be sent to."""

from __future__ import annotations

import os


def limit_threads(count: int) -> None:
    """Hold ITK (ANTs), OpenMP and BLAS to a number of threads; call before they are imported."""
    for name in (
        'ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS',
        'OMP_NUM_THREADS',
        'OPENBLAS_NUM_THREADS',
    ):
        os.environ[name] = str(count)
