"""Sensitivity against false positives over all thresholds: the FROC curve.

The lesion table ends at the operating point of its run. The curve goes further down, to the
probability that outlines a lesion: below it the candidates themselves would be others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.evaluation.bootstrap_statistics import ratio
from deepmir_bids.evaluation.truth_pairs import Case
from deepmir_bids.lesions.connected_lesions import FoundLesions, Lesion, find_lesions
from deepmir_bids.lesions.truth_matching import Comparison, compare, index_lesions


def find_candidates(case: Case) -> FoundLesions:
    """Everything that would be a lesion at the lowest threshold; see :func:`find_lesions`."""
    lowest = replace(case.criteria, thresholds=dict(case.criteria.outlines))
    return find_lesions(
        case.probabilities,
        lowest,
        case.zooms,
        brain_mask=case.brain_mask,
        iron_mask=case.iron_area,
    )


def compare_candidates(
    case: Case, name: str, labels: np.ndarray, candidates: Sequence[Lesion]
) -> tuple[dict[int, float], dict[int, float]]:
    """Compare the candidates of a class with the truth at every threshold.

    Returns
    -------
    peaks
        Index of each candidate → the highest threshold at which it counts.
    detected
        Index of each true lesion that is ever found → the highest threshold at which it is.

    """
    peaks = {lesion.index: lesion.probability for lesion in candidates if lesion.name == name}
    of_class = np.where(np.isin(labels, list(peaks)), labels, 0)
    truth = index_lesions(case.truth == CLASSES[name])
    return peaks, detection_thresholds(compare(truth, of_class, case.affine), peaks)


def detection_thresholds(comparison: Comparison, peaks: Mapping[int, float]) -> dict[int, float]:
    """Highest threshold at which each true lesion is matched; those that never are, are left out.

    A lesion once matched stays so at every lower threshold: matching the nearest pair first is a
    stable matching, in which more candidates never leave a true lesion without a partner (Gale &
    Sotomayor, Discrete Appl Math 1985;11:223). One number a lesion hence holds the whole curve.

    """
    detected: dict[int, float] = {}
    matchable = {found for _, _, found in comparison.candidates}
    for threshold in sorted({peaks[index] for index in matchable}, reverse=True):
        kept = [index for index in matchable if peaks[index] >= threshold]
        for true, _ in comparison.match(kept).pairs:
            detected.setdefault(true, threshold)
    return detected


def froc(
    peaks: np.ndarray, detected: np.ndarray, subjects: int, groups: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Points of the curve, from the highest threshold down.

    Parameters
    ----------
    peaks
        Array (candidates,), the highest threshold at which each candidate of all subjects counts.
    detected
        Array (true lesions,), the highest threshold at which each true lesion is found, NaN for
        never.
    subjects
        How many there are, those without any lesion among them.
    groups
        Name → bool array (true lesions,), for the sensitivity among these alone.

    Returns
    -------
    DataFrame
        ``threshold``, ``FP_per_subject``, ``sensitivity`` and ``sensitivity_<group>``.

    """
    thresholds = np.unique(peaks)[::-1]
    hits = _reaching(thresholds, detected)
    curve = {
        'threshold': thresholds,
        'FP_per_subject': (_reaching(thresholds, peaks) - hits) / subjects,
        'sensitivity': ratio(hits, np.full(len(thresholds), len(detected))),
    }
    for name, inside in groups.items():
        part = _reaching(thresholds, detected[inside])
        curve[f'sensitivity_{name}'] = ratio(part, np.full(len(thresholds), inside.sum()))
    return pd.DataFrame(curve)


def _reaching(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many values reach each threshold; a NaN reaches none."""
    ordered = np.sort(values[~np.isnan(values)])
    return len(ordered) - np.searchsorted(ordered, thresholds, side='left')
