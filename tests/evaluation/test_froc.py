"""One curve for all thresholds must equal matching at each of them."""

import numpy as np
import pytest

from deepmir_bids.evaluation.froc import detection_thresholds, froc
from deepmir_bids.lesions.truth_matching import compare


def scatter(rng, number):
    labels = np.zeros((30, 30, 30), dtype=int)
    labels[tuple(rng.integers(0, 30, (3, number)))] = np.arange(1, number + 1)
    return labels


@pytest.mark.parametrize('seed', range(5))
def test_equals_matching_at_every_threshold(seed):
    rng = np.random.default_rng(seed)
    truth, found = scatter(rng, 40), scatter(rng, 60)
    comparison = compare(truth, found, np.eye(4))
    peaks = {f: float(p) for f, p in zip(comparison.found, rng.random(60), strict=False)}
    detected = detection_thresholds(comparison, peaks)
    all_detected = np.array([detected.get(t, np.nan) for t in comparison.diameter_mm])
    curve = froc(np.array(list(peaks.values())), all_detected, 4, {})
    assert len(curve) == len(peaks)
    for point in curve.itertuples():
        result = comparison.match([f for f in peaks if peaks[f] >= point.threshold])
        assert {t for t, _ in result.pairs} == {
            t for t, at in detected.items() if at >= point.threshold
        }
        assert point.sensitivity == pytest.approx(len(result.pairs) / len(all_detected))
        assert point.FP_per_subject == pytest.approx(len(result.false) / 4)


def test_a_true_lesion_keeps_a_partner_though_a_nearer_candidate_comes_later():
    truth, found = np.zeros((2, 30, 5, 5), dtype=int)
    truth[5, 2, 2], truth[9, 2, 2] = 1, 2
    found[7, 2, 2], found[5, 3, 2] = 1, 2  # the first is as near to both
    detected = detection_thresholds(compare(truth, found, np.eye(4)), {1: 0.9, 2: 0.4})
    assert detected == {1: 0.9, 2: 0.4}


def test_curve_falls_in_threshold_and_rises_in_both_figures():
    curve = froc(np.array([0.3, 0.9, 0.5, 0.7]), np.array([0.9, np.nan, 0.5]), 2, {})
    assert curve['threshold'].tolist() == [0.9, 0.7, 0.5, 0.3]
    assert curve['sensitivity'].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert curve['FP_per_subject'].tolist() == [0, 0.5, 0.5, 1]


def test_groups_have_their_own_sensitivity_and_none_without_lesions():
    groups = {'<2': np.array([True, False]), '>5': np.array([False, False])}
    curve = froc(np.array([0.9, 0.5]), np.array([0.5, 0.9]), 1, groups)
    assert curve['sensitivity_<2'].tolist() == [0, 1]
    assert curve['sensitivity_>5'].isna().all()


def test_nothing_found_is_an_empty_curve():
    assert froc(np.array([]), np.array([np.nan]), 1, {}).empty
