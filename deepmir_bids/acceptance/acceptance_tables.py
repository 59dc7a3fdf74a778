"""Tables of an acceptance test: sensitivity, findings, traits and thresholds of a site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import REGIONS
from deepmir_bids.evaluation.bootstrap_statistics import bootstrap, mean, pooled_ratio
from deepmir_bids.evaluation.judged_findings import POINT, own_thresholds
from deepmir_bids.evaluation.lesion_outcomes import SIZES
from deepmir_bids.evaluation.site_thresholds import (
    Judged,
    Suggestion,
    at_shift,
    curve,
    logit,
    moved,
    suggest,
)
from deepmir_bids.group.prevalence import wilson
from deepmir_bids.model.model_registry import OPERATING_POINTS

if TYPE_CHECKING:
    from deepmir_bids.acceptance.implanted_head import HeadResult
    from deepmir_bids.model.model_registry import ModelCard

#: Columns of the lists of lesions put in, and of findings in the images as they are.
LESION = (
    'unit', 'class', 'x', 'y', 'z', 'region', 'structure', 'diameter_mm', 'size', 'inputs',
)  # fmt: skip
IMPLANTS = (*LESION, *OPERATING_POINTS)
FINDINGS = (*LESION, 'probability', 'reaches', 'confirmed')
#: Fewer units with a lesion than this tell too little of how units differ: then the interval is
#: that of a share of lesions.
LEAST_UNITS = 5


def list_implants(results: Sequence[HeadResult]) -> pd.DataFrame:
    """All lesions that were put in and can be seen, with whether they are found."""
    return pd.DataFrame([row for one in results for row in one.implants], columns=list(IMPLANTS))


def list_findings(results: Sequence[HeadResult]) -> pd.DataFrame:
    """All findings in the images as they are, the most probable of each class first."""
    rows = [row for one in results for row in one.findings]
    table = pd.DataFrame(rows, columns=list(FINDINGS))
    return table.sort_values(
        ['class', 'probability'], ascending=[True, False], kind='stable', ignore_index=True
    )


def sensitivity_table(implants: pd.DataFrame) -> pd.DataFrame:
    """Sensitivity of each class at each operating point: of all, by size, region and inputs.

    Returns
    -------
    DataFrame
        ``class``, ``point``, ``by`` (all, size, region or inputs), ``group``, ``implants``,
        ``found``, ``sensitivity`` with its 95 % interval ``low`` to ``high``, and how that was
        made: ``bootstrap`` of the units, or ``wilson`` where fewer than :data:`LEAST_UNITS` have
        such a lesion.

    """
    rows = []
    for name in CLASSES:
        of_class = implants[implants['class'] == name]
        for by, group, inside in _groups(of_class):
            for point in OPERATING_POINTS:
                row = {'class': name, 'point': point, 'by': by, 'group': group}
                rows.append(row | sensitivity(inside['unit'], inside[point]))
    return pd.DataFrame(rows)


def sensitivity(units: pd.Series, found: pd.Series) -> dict[str, Any]:
    """Share of lesions that were found, each of a unit, with its 95 % interval.

    Examples
    --------
    >>> sensitivity(pd.Series(['sub-01'] * 4), pd.Series([True, True, True, False]))[
    ...     'sensitivity'
    ... ]
    0.75

    """
    counts = found.astype(int).groupby(units).agg(['sum', 'size']).to_numpy(float)
    hits, number = int(counts[:, 0].sum()), int(counts[:, 1].sum())
    if len(counts) >= LEAST_UNITS:
        interval, (low, high) = 'bootstrap', bootstrap(pooled_ratio, *counts.T)
    else:
        interval, (low, high) = 'wilson', wilson(hits, number)
    return {
        'implants': number,
        'found': hits,
        'sensitivity': hits / number,
        'low': low,
        'high': high,
        'interval': interval,
    }


def _groups(implants: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Those of the groups that have a lesion."""
    order = {'size': list(SIZES), 'region': list(REGIONS)}
    if len(implants):
        yield 'all', 'all', implants
    for by in ('size', 'region', 'inputs'):
        there = list(dict.fromkeys(implants[by]))
        known = [group for group in order.get(by, []) if group in there]
        for group in [*known, *(group for group in there if group not in known)]:
            yield by, group, implants[implants[by] == group]


def reading_table(findings: pd.DataFrame, results: Sequence[HeadResult]) -> pd.DataFrame:
    """Findings a reader has to look at in the images as they are, at each operating point.

    Returns
    -------
    DataFrame
        ``class``, ``point``, ``units``, ``findings``, ``per_unit`` with its interval ``low`` to
        ``high`` (bootstrap of the units; none for a single one), and the ``most`` of a unit.

    """
    rows = []
    for name in CLASSES:
        units = [one.label for one in results if name in one.judged]
        if not units:
            continue
        of_class = findings[findings['class'] == name]
        for number, point in enumerate(OPERATING_POINTS):
            reached = of_class[of_class['reaches'].isin(OPERATING_POINTS[number:])]
            counts = reached['unit'].value_counts().reindex(units, fill_value=0).to_numpy(float)
            low, high = bootstrap(mean, counts)
            rows.append(
                {
                    'class': name,
                    'point': point,
                    'units': len(units),
                    'findings': int(counts.sum()),
                    'per_unit': counts.mean(),
                    'low': low,
                    'high': high,
                    'most': int(counts.max()),
                }
            )
    return pd.DataFrame(rows)


def suggestions_of(results: Sequence[HeadResult]) -> dict[str, tuple[Suggestion, list[Judged]]]:
    """What the images with lesions say of the threshold of each class, if they say anything."""
    said = {}
    for name in CLASSES:
        judged = [one.judged[name] for one in results if name in one.judged]
        if (suggestion := suggest(judged)) is not None:
            said[name] = suggestion, judged
    return said


def threshold_table(
    said: Mapping[str, tuple[Suggestion, list[Judged]]],
    card: ModelCard,
    inputs: Sequence[str],
) -> pd.DataFrame:
    """The model's own thresholds, and those that the site suggests, for the inputs it has.

    Parameters
    ----------
    said
        As :func:`suggestions_of` gives it.
    card
        Of the model.
    inputs
        Combinations that the site has, as ``swi+qsm``.

    Returns
    -------
    DataFrame
        ``class``, ``inputs``, ``present`` (of the balanced point), ``suggested``, with its
        interval ``low`` to ``high``, the ``nearest`` operating point, and ``F1_present`` and
        ``F1_suggested`` in the images with lesions.

    """
    rows = []
    for name, (suggestion, judged) in said.items():
        table = curve(judged)
        for combination in inputs:
            given = combination.split('+')
            own = own_thresholds(card, given)[name]
            points = {p: card.thresholds_for(given, p)[name] for p in OPERATING_POINTS}
            suggested = moved(own, suggestion.shift)
            rows.append(
                {
                    'class': name,
                    'inputs': combination,
                    'present': points[POINT],
                    'suggested': suggested,
                    'low': moved(own, suggestion.low),
                    'high': moved(own, suggestion.high),
                    'nearest': min(points, key=lambda p: abs(_apart(points[p], suggested))),
                    'F1_present': at_shift(table, _apart(points[POINT], own))['F1'],
                    'F1_suggested': at_shift(table, suggestion.shift)['F1'],
                }
            )
    columns = [
        'class', 'inputs', 'present', 'suggested', 'low', 'high', 'nearest', 'F1_present',
        'F1_suggested',
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _apart(one: float, other: float) -> float:
    return float(logit(one) - logit(other))


def trait_rows(results: Sequence[HeadResult]) -> pd.DataFrame:
    """Traits of the images of each unit."""
    return pd.DataFrame([{'unit': one.label, **one.traits} for one in results]).replace(
        [np.inf, -np.inf], np.nan
    )
