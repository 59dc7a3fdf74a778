"""Thresholds follow from what was found on validation subjects."""

from dataclasses import replace

import numpy as np
import pytest

from deepmir_bids.lesions.connected_lesions import Lesion
from deepmir_bids.model.prediction import Model
from deepmir_bids.training import threshold_choice
from deepmir_bids.training.chance_fit import fit_chance
from deepmir_bids.training.threshold_choice import (
    SubjectCandidates,
    calibrate,
    choose_extent,
    score_classes,
    with_chances,
)
from deepmir_bids.training.untrained_card import blank_card, known_classes, restrict


class Subject:
    """The parts of a cached subject that matching looks at."""

    affine = np.eye(4)

    def __init__(self, truth):
        self.truth = truth


def candidates(true, false):
    """True and false CMB candidates with the given peaks, and one true CMB without any."""
    truth = np.zeros((200, 30, 30), dtype=np.uint8)
    labels = np.zeros(truth.shape, dtype=np.int32)
    lesions = []
    truth[0, 0, 0] = 1
    for row, peaks in ((0, true), (20, false)):
        for column, peak in enumerate(peaks, start=1):
            place = (10 * column, row, 0)
            truth[place] = row == 0
            labels[place] = len(lesions) + 1
            lesions.append(Lesion(len(lesions) + 1, 'CMB', peak))
    return SubjectCandidates(Subject(truth), labels, lesions)


def test_operating_points_are_the_most_sensitive_that_are_right_often_enough():
    # Right are 3 of 3 above .8, 6 of 7 above .6, 6 of 8 above .4, then 9 of 15, and 9 of 18.
    true, false = [0.95] * 3 + [0.7] * 3 + [0.4] * 3, [0.8, 0.6] + [0.4] * 4 + [0.3] * 3
    thresholds = {point: of['CMB'] for point, of in calibrate([candidates(true, false)]).items()}
    assert 0.8 < thresholds['precise'] <= 0.95
    assert 0.6 < thresholds['balanced'] <= 0.7
    assert 0.2 <= thresholds['sensitive'] <= 0.4


def test_where_precision_is_out_of_reach_f1_decides():
    # F1 is .29 above .7, .55 above .3, and .41 in all.
    poor = candidates([0.95] * 2 + [0.7] * 4 + [0.3], [0.95] * 3 + [0.7] * 4 + [0.3] * 2)
    thresholds = calibrate([poor, candidates([], [0.3] * 9)])
    assert all(0.3 < of_class['CMB'] <= 0.7 for of_class in thresholds.values())


def test_without_any_lesion_of_a_class_it_stays_in_the_middle():
    thresholds = calibrate([candidates([0.9], [])])
    assert 0.4 < thresholds['balanced']['iron'] < 0.7


@pytest.mark.parametrize(
    ('outlined', 'threshold', 'best'), [(0.7, 0.9, 0.7), (0.7, 0.55, 0.5), (0.3, 0.9, 0.3)]
)
def test_the_outline_is_the_one_that_agrees_best(monkeypatch, outlined, threshold, best):
    places = np.stack(np.indices((30, 30, 30)), axis=-1)
    peak = 1 - np.linalg.norm(places - [15, 15, 15], axis=-1) / 12
    monkeypatch.setattr(threshold_choice, 'probabilities', lambda *_: np.stack([peak, 0 * peak]))
    subject = Subject((peak >= outlined).astype(np.uint8))
    subject.brain_mask = subject.iron_mask = np.ones(peak.shape, dtype=bool)
    point = {'balanced': {'CMB': threshold, 'iron': threshold}}
    card = replace(blank_card('x'), thresholds={'swi+qsm+t2w': point})
    assert choose_extent(Model(card, None), [subject]) == best
    # Where nothing is found, or nothing is there, it is the lowest.
    nothing = Subject(np.zeros(peak.shape, dtype=np.uint8))
    assert choose_extent(Model(card, None), [nothing]) == 0.3


def test_summary_counts_by_class_at_the_threshold():
    figures = score_classes([candidates([0.9, 0.4], [0.8])], {'CMB': 0.5, 'iron': 0.5})
    assert (figures['CMB']['TP'], figures['CMB']['FN'], figures['CMB']['FP']) == (1, 2, 1)
    assert figures['iron']['FP'] == 0


def test_nothing_is_found_of_a_class_that_was_not_learnt():
    thresholds = calibrate([candidates([0.9, 0.6], [0.3])], ['iron'])
    assert all(of_class['CMB'] > 0.99 for of_class in thresholds.values())
    assert list(score_classes([candidates([0.9], [])], thresholds['balanced'], ['iron'])) == [
        'iron'
    ]


def test_outputs_become_chances_and_the_same_is_found():
    true, false = [0.97] * 8 + [0.9] * 6 + [0.7] * 3, [0.97] * 2 + [0.9] * 6 + [0.7] * 9
    found = [candidates(true, false)] * 10
    thresholds = {'swi': calibrate(found)}
    outputs, right = found[0].right('CMB')
    assert sum(right) == len(true)
    chance = fit_chance(outputs * 10, right * 10)
    assert chance.of(np.array([0.97, 0.9, 0.7])) == pytest.approx([0.8, 0.5, 0.25], abs=0.04)
    card = with_chances(replace(blank_card('x'), thresholds=thresholds), {'swi': {'CMB': chance}})
    for point, before in thresholds['swi'].items():
        after = card.thresholds_for(['swi'], point)
        as_chances = [one.as_chances(card.chances_for(['swi'])) for one in found]
        assert score_classes(as_chances, after)['CMB'] == score_classes(found, before)['CMB']
    assert card.outlines_for(['swi'])['CMB'] < card.extent == card.outlines_for(['swi'])['iron']


def test_few_findings_change_little():
    chance = fit_chance([0.9, 0.8], [False, True])
    assert chance.of(np.array([0.9])) == pytest.approx([0.75], abs=0.2)
    assert fit_chance([], []).of(np.array([0.3])) == pytest.approx([0.3], abs=0.01)


def test_only_inputs_that_a_model_makes_use_of_are_combined():
    card = blank_card('x')
    everything = [('swi',), ('swi', 'qsm'), ('swi', 't2w'), ('swi', 'qsm', 't2w')]
    assert card.combinations == everything
    less = restrict(card, ['swi', 't2w'], ['CMB'])
    assert less.combinations == [('swi',), ('swi', 't2w')]
    assert less.sees == ('swi', 't2w')
    assert known_classes(less) == ('CMB',)
    # Restricting again takes away more, and gives nothing back.
    assert restrict(less, ['swi', 'qsm'], ['CMB']).sees == ('swi',)
