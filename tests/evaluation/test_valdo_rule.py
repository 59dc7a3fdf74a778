"""VALDO's rule, against what the challenge's own code gives."""

import json
import math

import numpy as np
import pytest

from deepmir_bids.evaluation.valdo_rule import score_valdo

CASES = (
    'd01_exact_hits',
    'd02_mm_not_voxels',
    'd03_split_fp_fn',
    'd04_empty_prediction',
    'd05_empty_truth',
    'd06_random_seed11',
)


@pytest.mark.shared
@pytest.mark.parametrize('case', CASES)
def test_equals_the_challenge(shared, case):
    folder = shared / 'valdo_task2'
    expected = json.loads((folder / 'valdo_task2_dev_expected.json').read_text())
    with np.load(folder / 'valdo_task2_dev_inputs.npz') as arrays:
        truth, found = arrays[f'{case}__ref'], arrays[f'{case}__seg']
    for name, variant in expected['variants'].items():
        got = score_valdo(
            truth,
            found,
            expected['cases'][case]['pixdim_mm'],
            variant['thresh_assign_mm'],
            variant['connectivity'],
        )
        result = expected['cases'][case]['results'][name]
        exact = {k: math.nan if v is None else v for k, v in result['exact'].items()}
        assert exact == pytest.approx(
            exact
            | {
                'f1_score': got.F1,
                'mean_diceover': got.dice,
                'absolute_count_difference': got.absolute_count_difference,
                'absolute_volume_difference': got.absolute_volume_difference_mm3,
                'numb_tp': got.TP,
                'numb_fp': got.FP,
            },
            rel=1e-5,
            nan_ok=True,
        )
        assert result['derived']['fn'] == got.FN


def image(*voxels):
    data = np.zeros((20, 20, 20))
    for voxel in voxels:
        data[voxel] = 1
    return data


def test_the_limit_itself_is_too_far():
    truth, found = image((5, 5, 5)), image((10, 5, 5))
    assert score_valdo(truth, found, (1, 1, 1)).TP == 0
    assert score_valdo(truth, found, (0.99, 1, 1)).TP == 1


def test_nearest_truth_only_and_nothing_is_assigned_again():
    # Both found lesions are nearest to the first true one; our own rule would match both.
    score = score_valdo(image((5, 5, 5), (12, 5, 5)), image((6, 5, 5), (8, 5, 5)), (1, 1, 1))
    assert (score.TP, score.FP, score.FN) == (1, 1, 1)
    assert pytest.approx(0.5) == score.F1


def test_equally_near_ones_are_all_true_and_dice_is_with_their_union():
    truth = image()
    truth[4:9, 5, 5] = 1
    found = image((4, 5, 5), (8, 5, 5))
    score = score_valdo(truth, found, (1, 1, 1))
    assert (score.TP, score.FP, score.FN) == (2, 0, 0)
    assert score.F1 == 1
    assert score.dice == pytest.approx(2 * 2 / (5 + 2))


def test_of_those_that_go_to_one_true_lesion_the_nearest_are_true():
    found = image((4, 5, 5), (6, 5, 5), (5, 8, 5))
    score = score_valdo(image((5, 5, 5)), found, (1, 1, 1))
    assert (score.TP, score.FP, score.FN) == (2, 1, 0)


def test_half_is_found_and_less_is_not():
    truth = image((5, 5, 5))
    assert score_valdo(truth, 0.5 * truth, (1, 1, 1)).TP == 1
    assert score_valdo(truth, 0.49 * truth, (1, 1, 1)).TP == 0
    assert score_valdo(0.1 * truth, truth, (1, 1, 1)).TP == 1


def test_empty_truth_is_undefined_and_empty_prediction_is_zero():
    none, one = image(), image((5, 5, 5))
    empty_truth, empty_found = score_valdo(none, one, (1, 1, 1)), score_valdo(one, none, (1, 1, 1))
    assert math.isnan(empty_truth.F1)
    assert math.isnan(empty_truth.dice)
    assert empty_truth.FP == 1
    assert (empty_found.F1, empty_found.dice, empty_found.FN) == (0, 0, 1)
    assert math.isnan(score_valdo(none, none, (1, 1, 1)).F1)
