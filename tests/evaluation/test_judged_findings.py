"""What a review, and what masks tell of a unit's findings."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmir_bids.cli.deepmir_model import main
from deepmir_bids.evaluation.judged_findings import (
    ReviewedUnit,
    judged_by_masks,
    judged_in_review,
)
from deepmir_bids.evaluation.site_thresholds import logit
from deepmir_bids.evaluation.truth_pairs import find_pairs, read_case
from deepmir_bids.lesions.connected_lesions import MOST_CANDIDATES, NEAR
from deepmir_bids.model.model_registry import find_model, read_card

THRESHOLDS = {'CMB': 0.8, 'iron': 0.8}


def row(found_as, probability, verdict=None, final=None, name='CMB', reader=None):
    return {
        'found_as': found_as, 'class': name, 'probability': str(probability),
        'verdict': verdict, 'final_class': final, 'reader': reader,
    }  # fmt: skip


def review(*rows):
    return ReviewedUnit('sub-01', ('swi',), THRESHOLDS, 'f' * 64, rows)


def test_a_review_tells_true_from_false_down_to_what_was_judged():
    unit = review(
        row('lesion', 0.95, 'accepted', 'CMB', reader='AB'),
        row('lesion', 0.85, 'rejected', reader='AB'),
        row('lesion', 0.9, 'relabelled', 'iron'),
        row('candidate', 0.7, 'accepted', 'CMB'),
        row('candidate', 0.6),
        row('candidate', 0.5, 'accepted', 'CMB'),
    )
    judged = judged_in_review(unit, {'CMB': 0.9, 'iron': 0.9})
    cmb, iron = judged['CMB'], judged['iron']
    assert cmb.excess == pytest.approx(logit([0.95, 0.85, 0.9, 0.7, 0.5]) - logit(0.9))
    assert cmb.true.tolist() == [True, False, False, True, True]
    # What lies below the candidate that nobody judged is known, but not its surroundings.
    assert logit(0.6) - logit(0.9) < cmb.floor < logit(0.61) - logit(0.9)
    # As iron it is a lesion that no threshold of iron finds.
    assert (len(iron.excess), iron.missed) == (0, 1)
    assert iron.floor == pytest.approx(logit(NEAR * 0.8) - logit(0.9))
    assert unit.readers == {'AB'}


def test_a_full_list_of_candidates_tells_nothing_below_its_end():
    ends = np.linspace(0.79, 0.6, MOST_CANDIDATES)
    unit = review(*(row('candidate', p, 'rejected') for p in ends))
    judged = judged_in_review(unit, THRESHOLDS)
    assert judged['CMB'].floor == pytest.approx(logit(0.6) - logit(0.8))
    assert judged['iron'].floor == pytest.approx(logit(0.6) - logit(0.8))


def test_masks_tell_of_all_findings(datasets):
    (first, *_) = [read_case(pair) for pair in find_pairs(*datasets)]
    cmb = judged_by_masks(first, {'CMB': 0.5, 'iron': 0.5})['CMB']
    assert sorted(zip(cmb.excess.round(2).tolist(), cmb.true.tolist(), strict=True)) == [
        (-1.39, True), (-0.62, False), (-0.2, True), (2.2, True), (2.2, True),
    ]  # fmt: skip
    assert (cmb.missed, cmb.lesions) == (0, 4)


def test_masks_calibrate_thresholds_and_outline(datasets, tmp_path, capsys):
    truth, prediction = datasets
    card = read_card(find_model('default'))
    for path in prediction.rglob('*_desc-lesions_dseg.json'):
        facts = {'ModelSHA256': card.sha256, 'InputsUsed': ['swi', 'qsm']}
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))
    made = tmp_path / 'mine'
    command = ['calibrate', 'default', str(prediction), '--out', str(made)]
    assert main([*command, '--labels', str(truth)]) == 0
    new = read_card(made)
    assert new.training['calibration']['data'] == 'masks'
    assert new.training['calibration']['classes']['CMB']['lesions'] == 5
    # A false one, at .35, lies above the default's threshold, and most true ones lie higher.
    before, after = (one.thresholds['swi+qsm']['balanced']['CMB'] for one in (card, new))
    assert before < after < 0.45
    assert 'iron: balanced threshold' in capsys.readouterr().out
