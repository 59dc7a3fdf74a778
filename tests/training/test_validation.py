"""Thresholds follow from what was found on validation subjects."""

import numpy as np
import pytest

from deepmir_bids.lesions.components import Lesion
from deepmir_bids.training.recipe import blank_card, known_classes, restrict
from deepmir_bids.training.validation import (
    Finding,
    calibrate,
    combinations,
    f_beta,
    summarise,
)


class Subject:
    """The parts of a cached subject that matching looks at."""

    affine = np.eye(4)

    def __init__(self, truth):
        self.truth = truth


def finding(true, false):
    """True and false CMB candidates with the given peaks, and one true CMB without any."""
    truth = np.zeros((100, 30, 30), dtype=np.uint8)
    labels = np.zeros(truth.shape, dtype=np.int32)
    lesions = []
    truth[0, 0, 0] = 1
    for row, peaks in ((0, true), (20, false)):
        for column, peak in enumerate(peaks, start=1):
            place = (10 * column, row, 0)
            truth[place] = row == 0
            labels[place] = len(lesions) + 1
            lesions.append(Lesion(len(lesions) + 1, 'CMB', peak))
    return Finding(Subject(truth), labels, lesions)


def test_operating_points_are_ordered_and_follow_the_peaks():
    thresholds = calibrate([finding([0.9, 0.9, 0.5, 0.3], [0.3, 0.4, 0.4, 0.6])])
    assert thresholds['sensitive']['CMB'] <= thresholds['balanced']['CMB']
    assert thresholds['balanced']['CMB'] <= thresholds['precise']['CMB']
    assert 0.6 < thresholds['precise']['CMB'] < 0.9
    assert thresholds['sensitive']['CMB'] <= 0.3


def test_the_balanced_point_gives_a_little_precision_for_sensitivity():
    # Without an error 27 of 33 are found (F1 .90); two more cost four errors (.88), or nine (.82).
    easy = [finding([0.95] * 9, [])] * 3
    assert calibrate([*easy, finding([0.6] * 2, [0.7] * 4)])['balanced']['CMB'] <= 0.6
    assert calibrate([*easy, finding([0.6] * 2, [0.7] * 9)])['balanced']['CMB'] > 0.7


def test_without_any_lesion_of_a_class_it_stays_in_the_middle():
    thresholds = calibrate([finding([0.9], [])])
    assert 0.4 < thresholds['balanced']['iron'] < 0.7


def test_summary_counts_by_class_at_the_threshold():
    figures = summarise([finding([0.9, 0.4], [0.8])], {'CMB': 0.5, 'iron': 0.5})
    assert (figures['CMB']['TP'], figures['CMB']['FN'], figures['CMB']['FP']) == (1, 2, 1)
    assert figures['iron']['FP'] == 0


def test_f_beta():
    counts = {'TP': 6, 'FN': 2, 'FP': 6}
    assert f_beta(counts, 1) == pytest.approx(12 / 20)
    assert f_beta(counts, 2) == pytest.approx(30 / (30 + 8 + 6))
    assert f_beta({'TP': 0, 'FN': 0, 'FP': 0}, 1) == 0


def test_nothing_is_found_of_a_class_that_was_not_learnt():
    thresholds = calibrate([finding([0.9, 0.6], [0.3])], ['iron'])
    assert all(of_class['CMB'] > 0.99 for of_class in thresholds.values())
    assert list(summarise([finding([0.9], [])], thresholds['balanced'], ['iron'])) == ['iron']


def test_only_inputs_that_a_model_makes_use_of_are_combined():
    card = blank_card('x')
    assert len(combinations(card)) == 4
    less = restrict(card, ['swi', 't2w'], ['CMB'])
    assert combinations(less) == [('swi',), ('swi', 't2w')]
    assert less.sees == ('swi', 't2w')
    assert known_classes(less) == ('CMB',)
    # Restricting again takes away more, and gives nothing back.
    assert restrict(less, ['swi', 'qsm'], ['CMB']).sees == ('swi',)
