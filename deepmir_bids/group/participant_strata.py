"""Divide participants by what the raw dataset says of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from deepmir_bids.bids.tsv import MISSING

#: A column of numbers with more values than this is cut at its quartiles.
MOST_VALUES = 8


def as_numbers(values: pd.Series) -> pd.Series | None:
    """Turn text into numbers, NaN where missing; None if anything else stands there.

    ``89+``, as BIDS has ages made anonymous, counts as 89.
    """
    there = _there(values)
    numbers = pd.to_numeric(values[there].str.removesuffix('+'), errors='coerce')
    if numbers.isna().any() or not len(numbers):
        return None
    return numbers.reindex(values.index)


def levels_of(values: pd.Series) -> dict[str, pd.Series]:
    """Find the level of each participant.

    Parameters
    ----------
    values
        Text, missing or ``n/a`` where it is not known.

    Returns
    -------
    dict
        Name of each level in their order, and a bool of each participant. Numbers of more than
        :data:`MOST_VALUES` values are cut at their quartiles, which the name tells; those that
        are not known are the last level, ``n/a``.

    """
    unknown = ~_there(values)
    numbers = as_numbers(values)
    if numbers is None:
        levels = {str(one): values == one for one in sorted(values[~unknown].unique())}
    elif numbers.nunique() <= MOST_VALUES:
        levels = {f'{one:g}': numbers == one for one in sorted(numbers.dropna().unique())}
    else:
        levels = _quartiles(numbers)
    return levels | ({MISSING: unknown} if unknown.any() else {})


def decades_of(values: pd.Series) -> dict[str, pd.Series]:
    """Find the decade of each participant's age, ``60–69``; none if ages are not all numbers."""
    ages = as_numbers(values)
    if ages is None:
        return {}
    decade = ages // 10 * 10
    return {f'{low:.0f}–{low + 9:.0f}': decade == low for low in sorted(decade.dropna().unique())}


def _quartiles(numbers: pd.Series) -> dict[str, pd.Series]:
    # Quartiles may coincide where many share a value.
    edges = np.unique(np.nanquantile(numbers.to_numpy(dtype=float), [0, 0.25, 0.5, 0.75, 1]))
    levels = {}
    for place, (low, high) in enumerate(pairwise(edges), start=1):
        above = numbers >= low if place == 1 else numbers > low
        over = '' if place == 1 else 'over '
        levels[f'quartile {place}: {over}{low:g} to {high:g}'] = above & (numbers <= high)
    return levels


def _there(values: pd.Series) -> pd.Series:
    return values.notna() & (values != MISSING) & (values != '')
