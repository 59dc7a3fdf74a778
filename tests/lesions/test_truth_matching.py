"""One-to-one matching in mm, and the figures that follow."""

import math

import numpy as np
import pytest

from deepmir_bids.lesions.truth_matching import Match, index_lesions, match, score

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def image(*voxels):
    labels = np.zeros((20, 20, 20), dtype=np.int32)
    for index, voxel in enumerate(voxels, start=1):
        labels[voxel] = index
    return labels


def test_five_mm_by_the_affine_is_in_and_more_is_out():
    truth = image((5, 5, 5))
    assert match(truth, image((10, 5, 5)), AFFINE).pairs == [(1, 1)]
    assert match(truth, image((11, 5, 5)), AFFINE).pairs == []
    assert match(truth, image((5, 5, 6)), AFFINE).pairs == [(1, 1)]
    assert match(truth, image((5, 5, 7)), AFFINE).missed == [1]  # 6 mm


def test_a_rotated_affine_measures_the_same():
    turn = np.array([[0, 0, 3.0, 7], [-1, 0, 0, 2], [0, 1, 0, 1], [0, 0, 0, 1]])
    assert match(image((5, 5, 5)), image((5, 5, 7)), turn).pairs == []
    assert match(image((5, 5, 5)), image((9, 8, 5)), turn).pairs == [(1, 1)]


def test_overlap_matches_however_far_the_centroids():
    truth = np.zeros((20, 20, 20), dtype=int)
    truth[2:18, 5, 5] = 1
    assert match(truth, image((17, 5, 5)), AFFINE).pairs == [(1, 1)]


def test_one_to_one_nearest_first():
    truth = image((5, 5, 5), (8, 5, 5))
    found = image((7, 5, 5))
    result = match(truth, found, AFFINE)
    assert result.pairs == [(2, 1)]
    assert result.missed == [1]
    split = match(image((5, 5, 5)), image((5, 5, 5), (7, 5, 5)), AFFINE)
    assert split.pairs == [(1, 1)]
    assert split.false == [2]


def test_indices_need_not_be_consecutive():
    found = np.zeros((20, 20, 20), dtype=int)
    found[5, 5, 5] = 7
    assert match(image((5, 5, 6)), found, AFFINE).pairs == [(1, 7)]


def test_empty_truth_and_empty_prediction():
    none = image()
    assert match(none, image((1, 1, 1)), AFFINE).false == [1]
    assert match(image((1, 1, 1)), none, AFFINE).missed == [1]
    assert math.isnan(score([match(none, none, AFFINE)])['sensitivity'])


def test_diameter_is_that_of_the_sphere_of_equal_volume():
    truth = image((5, 5, 5))  # one voxel of 3 mm3
    assert match(truth, truth, AFFINE).diameter_mm[1] == pytest.approx((18 / np.pi) ** (1 / 3))


def test_score_pools_and_counts_false_positives_per_subject():
    first = Match([(1, 1), (2, 3)], [3], [2], {1: 4.0, 2: 1.0, 3: 2.0})
    second = Match([], [], [1], {})
    figures = score([first, second])
    assert (figures['TP'], figures['FN'], figures['FP']) == (2, 1, 2)
    assert figures['sensitivity'] == pytest.approx(2 / 3)
    assert figures['precision'] == pytest.approx(0.5)
    assert figures['F1'] == pytest.approx(4 / 7)
    assert figures['FP_per_subject'] == 1
    large = score([first, second], min_diameter_mm=3)
    assert (large['TP'], large['FN'], large['FP']) == (1, 0, 2)


def test_index_lesions_connects_corners():
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[1, 1, 1] = mask[2, 2, 2] = mask[4, 4, 4] = True
    assert index_lesions(mask).max() == 2
