"""A whole prediction against its truth: from two folders to tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import REGIONS
from deepmir_bids.evaluation.bootstrap_statistics import BOOTSTRAP_SAMPLES, LEVEL, SEED
from deepmir_bids.evaluation.froc import compare_candidates, find_candidates, froc
from deepmir_bids.evaluation.lesion_outcomes import COLUMNS, OUTSIDE, SIZES, list_outcomes
from deepmir_bids.evaluation.pooled_figures import average, by_subject, count, figures
from deepmir_bids.evaluation.truth_pairs import Case, Pair, find_pairs, read_case
from deepmir_bids.evaluation.valdo_rule import DISTANCE_MM, score_valdo
from deepmir_bids.lesions.truth_matching import MATCHING_DISTANCE_MM

#: VALDO's rule gives a figure for each subject, and means of these.
VALDO_MEASURES = (
    'F1',
    'dice',
    'absolute_count_difference',
    'absolute_volume_difference_mm3',
)


@dataclass(frozen=True)
class UnitEvaluation:
    """One unit: the outcome of its lesions, the peaks of all candidates, and VALDO's figures."""

    label: str
    outcomes: list[dict]
    peaks: dict[str, list[float]]
    valdo: list[dict]
    outlines: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Tables by the name of their file, and what they rest on."""

    tables: dict[str, pd.DataFrame]
    facts: dict[str, Any]


def evaluate(
    truth: Path,
    prediction: Path,
    rule: str = 'deepmir',
    watch: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> Evaluation:
    """Compare a prediction with every unit of a truth; nothing is written.

    Parameters
    ----------
    truth, prediction
        See :func:`deepmir_bids.evaluation.truth_pairs.find_pairs`.
    rule
        ``valdo`` adds the figures by VALDO's rule.
    watch
        Passes the units on, one after the other, and may show how far it is.

    Raises
    ------
    UsageError, InputError
        If a unit is missing, or an image cannot be used.

    """
    pairs = find_pairs(truth, prediction)
    return pool_units([evaluate_unit(read_case(pair), rule) for pair in watch(pairs)], rule)


def evaluate_unit(case: Case, rule: str) -> UnitEvaluation:
    """Match the lesions of one unit, and take its figures."""
    candidates = find_candidates(case)
    peaks, detected = {}, {}
    for name in CLASSES:
        of_class, detected[name] = compare_candidates(
            case, name, candidates.labels, candidates.lesions
        )
        peaks[name] = list(of_class.values())
    valdo = [
        {
            'unit': case.label,
            'class': name,
            **asdict(score_valdo(case.truth == value, case.found == value, case.zooms)),
        }
        for name, value in CLASSES.items()
        if rule == 'valdo'
    ]
    return UnitEvaluation(
        case.label, list_outcomes(case, detected), peaks, valdo, case.criteria.outlines
    )


def pool_units(units: Sequence[UnitEvaluation], rule: str) -> Evaluation:
    """Put the units together."""
    labels = [unit.label for unit in units]
    rows = [row for unit in units for row in unit.outcomes]
    lesions = pd.DataFrame(rows, columns=list(COLUMNS))
    tables: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ('summary', 'by_size', 'by_region', 'subjects', 'froc')
    }
    for name in CLASSES:
        of_class = lesions[lesions['class'] == name]
        counts = count(of_class, labels)
        tables['summary'].append(_labelled(figures(counts), {'rule': 'deepmir', 'class': name}))
        tables['subjects'].append(_labelled(by_subject(counts), {'class': name}))
        for table, column, groups in _groups(of_class):
            tables[table] += [
                _labelled(
                    figures(count(of_class[of_class[column] == group], labels)),
                    {'class': name, column: group},
                )
                for group in groups
            ]
        tables['froc'].append(_labelled(_curve(of_class, units, name), {'class': name}))
    if rule == 'valdo':
        tables['valdo'] = [pd.DataFrame([row for unit in units for row in unit.valdo])]
        tables['summary'] += _summarise_valdo(tables['valdo'][0])
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    return Evaluation({**joined, 'lesions': lesions}, _facts(units, rule))


def _groups(lesions: pd.DataFrame) -> list[tuple[str, str, list[str]]]:
    """Table, column and values of each grouping; outside the brain only if something is there."""
    outside = [OUTSIDE] if (lesions['region'] == OUTSIDE).any() else []
    return [('by_size', 'size', list(SIZES)), ('by_region', 'region', [*REGIONS, *outside])]


def _curve(lesions: pd.DataFrame, units: Sequence[UnitEvaluation], name: str) -> pd.DataFrame:
    true = lesions[lesions['outcome'] != 'FP']
    groups = {
        group: (true[column] == group).to_numpy()
        for _, column, values in _groups(lesions)
        for group in values
    }
    peaks = np.array([peak for unit in units for peak in unit.peaks[name]], dtype=float)
    peaks = peaks[peaks >= _lowest(units, name)]
    return froc(peaks, true['detected_at'].to_numpy(float), len(units), groups)


def _lowest(units: Sequence[UnitEvaluation], name: str) -> float:
    """The probability down to which all units have candidates of a class."""
    return max(unit.outlines[name] for unit in units)


def _summarise_valdo(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [
        pd.DataFrame(
            [
                {'rule': 'valdo', 'class': name, 'measure': measure}
                | average(table.loc[table['class'] == name, measure].to_numpy(float))
                for measure in VALDO_MEASURES
            ]
        )
        for name in CLASSES
    ]


def _facts(units: Sequence[UnitEvaluation], rule: str) -> dict[str, Any]:
    """What the figures rest on."""
    facts = {
        'units': [unit.label for unit in units],
        'matching': 'overlap by a voxel, or centroids within the distance; one to one, the '
        'nearest first; components of 26-connected voxels',
        'matching_distance_mm': MATCHING_DISTANCE_MM,
        'interval': f'{LEVEL:.0%}, percentiles of {BOOTSTRAP_SAMPLES} bootstrap samples of the '
        f'subjects, seed {SEED}',
        'lowest_threshold_of_froc': {name: _lowest(units, name) for name in CLASSES},
    }
    return facts | ({'valdo_distance_mm': DISTANCE_MM} if rule == 'valdo' else {})


def _labelled(table: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """Put columns of one value before the others."""
    return pd.concat([pd.DataFrame(labels, index=table.index), table], axis=1)
