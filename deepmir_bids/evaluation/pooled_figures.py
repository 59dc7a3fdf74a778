"""From the outcomes of the lesions to the figures of a class: pooled, and by subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from deepmir_bids.evaluation.bootstrap_statistics import (
    bland_altman,
    bootstrap,
    correlation,
    mean,
    pooled_ratio,
    ratio,
    standard_error,
)

#: Figure → the counts it divides. F1 = 2TP / (2TP + FP + FN), and that is true + found below.
RATIOS = {
    'sensitivity': ('TP', 'true'),
    'precision': ('TP', 'found'),
    'F1': ('2TP', 'true+found'),
    'FP_per_subject': ('FP', 'subjects'),
    'dice': ('dice_sum', 'TP'),
}
#: Columns of the figures: of all lesions together, then of the subjects.
COLUMNS = (
    'measure',
    'pooled',
    'pooled_low',
    'pooled_high',
    'mean',
    'sem',
    'mean_low',
    'mean_high',
    'subjects',
)
#: Figure of the number of true and found lesions in each subject.
AGREEMENT: dict[str, Callable[..., np.ndarray]] = {
    'count_r': correlation,
    'count_bias': lambda true, found: bland_altman(true, found).bias,
    'count_lower_limit': lambda true, found: bland_altman(true, found).lower,
    'count_upper_limit': lambda true, found: bland_altman(true, found).upper,
}


def count(lesions: pd.DataFrame, units: Sequence[str]) -> pd.DataFrame:
    """Count the outcomes of one class in each unit, those without any lesion among them.

    Returns
    -------
    DataFrame
        By unit: ``TP``, ``FP``, ``FN``, ``true``, ``found``, and what :data:`RATIOS` needs.

    """
    outcomes = pd.crosstab(lesions['unit'], lesions['outcome'])
    counts = outcomes.reindex(index=list(units), columns=['TP', 'FP', 'FN'], fill_value=0)
    counts = counts.rename_axis(index='unit', columns=None)
    counts['true'] = counts['TP'] + counts['FN']
    counts['found'] = counts['TP'] + counts['FP']
    counts['2TP'] = 2 * counts['TP']
    counts['true+found'] = counts['true'] + counts['found']
    counts['dice_sum'] = (
        lesions.groupby('unit')['dice'].sum().reindex(counts.index, fill_value=0.0)
    )
    counts['subjects'] = 1
    return counts


def by_subject(counts: pd.DataFrame) -> pd.DataFrame:
    """Each unit's counts and figures; NaN where a figure is undefined, as without any lesion."""
    table = counts[['true', 'found', 'TP', 'FP', 'FN']].copy()
    for name in ('sensitivity', 'precision', 'F1', 'dice'):
        part, whole = RATIOS[name]
        table[name] = ratio(counts[part].to_numpy(float), counts[whole].to_numpy(float))
    return table.reset_index()


def figures(counts: pd.DataFrame) -> pd.DataFrame:
    """Every figure of one class, one row each.

    Returns
    -------
    DataFrame
        ``measure``; ``pooled`` over all lesions, with its interval ``pooled_low`` to
        ``pooled_high``; ``mean`` of the subjects that have the figure, how many these are
        (``subjects``), its standard error ``sem`` and its interval ``mean_low`` to ``mean_high``.
        Intervals are bootstrapped over subjects.

    """
    rows: list[dict[str, Any]] = [
        {'measure': name, 'pooled': counts[name].sum(), **average(counts[name].to_numpy(float))}
        for name in ('true', 'found', 'TP', 'FP', 'FN')
    ]
    for name, (part, whole) in RATIOS.items():
        columns = counts[part].to_numpy(float), counts[whole].to_numpy(float)
        pooled = _pool(pooled_ratio, *columns, given_by=columns[1])
        rows.append({'measure': name, **pooled, **average(ratio(*columns))})
    numbers = counts['true'].to_numpy(float), counts['found'].to_numpy(float)
    rows += [
        {
            'measure': name,
            **_pool(statistic, *numbers, given_by=counts['subjects'].to_numpy()),
            'subjects': len(counts),
        }
        for name, statistic in AGREEMENT.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def average(values: np.ndarray) -> dict[str, float]:
    """Mean over the subjects that have a value, its standard error and its interval."""
    there = ~np.isnan(values)
    low, high = _interval(mean, values, given_by=there)
    return {
        'mean': float(mean(values)),
        'sem': standard_error(values),
        'mean_low': low,
        'mean_high': high,
        'subjects': int(there.sum()),
    }


def _pool(
    statistic: Callable[..., np.ndarray], *columns: np.ndarray, given_by: np.ndarray
) -> dict[str, float]:
    low, high = _interval(statistic, *columns, given_by=given_by)
    return {'pooled': float(statistic(*columns)), 'pooled_low': low, 'pooled_high': high}


def _interval(
    statistic: Callable[..., np.ndarray], *columns: np.ndarray, given_by: np.ndarray
) -> tuple[float, float]:
    """Interval of a figure, unless a single subject gives it: its resamples are all the same."""
    if np.count_nonzero(given_by) < 2:
        return np.nan, np.nan
    return bootstrap(statistic, *columns)
