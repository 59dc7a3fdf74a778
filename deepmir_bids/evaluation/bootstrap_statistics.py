"""Figures over subjects, and how sure they are.

Every statistic takes one value of each subject along the last axis, so that the bootstrap can hand
it all its samples at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

BOOTSTRAP_SAMPLES = 2000
SEED = 0
LEVEL = 0.95
#: Share of a normal distribution's standard deviation that holds 95 % of it to either side.
Z95 = 1.959964


class Agreement(NamedTuple):
    """Mean difference of two counts, and the limits between which 95 % of them lie."""

    bias: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def pooled_ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Sum of ``part`` over that of ``whole``, over all subjects; NaN where that is 0 by 0."""
    return ratio(np.sum(part, axis=-1), np.sum(whole, axis=-1))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide, with NaN where there is nothing to divide by."""
    whole = np.asarray(whole, dtype=float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def mean(values: np.ndarray) -> np.ndarray:
    """Mean of the subjects that have a value (are not NaN); NaN where none has."""
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0).sum(axis=-1), there.sum(axis=-1))


def standard_error(values: np.ndarray) -> float:
    """Standard error of the mean of the subjects that have a value; NaN for fewer than two."""
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float('nan')


def correlation(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Pearson's r of two counts; NaN where either is the same in all subjects."""
    x = truth - truth.mean(axis=-1, keepdims=True)
    y = found - found.mean(axis=-1, keepdims=True)
    return ratio((x * y).sum(axis=-1), np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1)))


def bland_altman(truth: np.ndarray, found: np.ndarray) -> Agreement:
    """Bias (found − true) and 95 % limits of agreement; limits are NaN for a single subject.

    Bland & Altman, Lancet 1986;327:307.

    """
    difference = np.asarray(found, dtype=float) - truth
    bias = difference.mean(axis=-1)
    if difference.shape[-1] < 2:
        return Agreement(bias, np.full_like(bias, np.nan), np.full_like(bias, np.nan))
    spread = Z95 * difference.std(axis=-1, ddof=1)
    return Agreement(bias, bias - spread, bias + spread)


def bootstrap(
    statistic: Callable[..., np.ndarray], *columns: np.ndarray, seed: int = SEED
) -> tuple[float, float]:
    """Percentile interval (95 %) of a statistic under resampling of the subjects.

    Samples in which the statistic is undefined, as sensitivity is without a true lesion, are left
    out. NaN for fewer than two subjects.

    Parameters
    ----------
    statistic
        Takes the columns, resampled to (:data:`BOOTSTRAP_SAMPLES`, subjects); one value a sample.
    columns
        Arrays (subjects,); a subject's values stay together.
    seed
        Of the draws.

    """
    subjects = len(columns[0])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, subjects, (BOOTSTRAP_SAMPLES, subjects))
    values = statistic(*(np.asarray(column)[drawn] for column in columns))
    values = values[~np.isnan(values)]
    if subjects < 2 or not len(values):
        return float('nan'), float('nan')
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
