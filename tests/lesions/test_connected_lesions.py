"""Which voxels become a lesion, and of which class."""

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.lesions.connected_lesions import MOST_CANDIDATES, find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.chances import Chance, as_chances

SHAPE = (12, 12, 12)
THRESHOLDS = {'CMB': 0.6, 'iron': 0.6}


def run(
    probabilities,
    *,
    iron=None,
    volume=0.0,
    extent=0.3,
    thresholds=THRESHOLDS,
    brain=None,
    near=1.0,
):
    everywhere = np.ones(SHAPE, dtype=bool)
    return find_lesions(
        probabilities,
        DetectionCriteria(thresholds, dict.fromkeys(CLASSES, extent), volume),
        (1.0, 1.0, 2.0),
        brain_mask=everywhere if brain is None else brain,
        iron_mask=everywhere if iron is None else iron,
        near=near,
    )


def empty():
    return np.zeros((2, *SHAPE), dtype=np.float32)


def test_nothing_gives_an_empty_result():
    found = run(empty())
    assert found.labels.dtype == np.int32
    assert not found.labels.any()
    assert found.lesions == found.candidates == []


def test_hysteresis_outlines_at_extent_and_counts_by_peak():
    p = empty()
    p[0, 2, 2, 2:5] = (0.35, 0.8, 0.35)
    p[0, 8, 8, 2:5] = (0.35, 0.55, 0.35)
    found = run(p)
    assert [round(lesion.probability, 2) for lesion in found.lesions] == [0.8]
    assert (found.labels == 1).sum() == 3


def test_a_threshold_below_extent_outlines_itself():
    p = empty()
    p[0, 2, 2, 2] = 0.2
    assert len(run(p, thresholds={'CMB': 0.15, 'iron': 0.6}).lesions) == 1
    assert len(run(p).lesions) == 0


def test_corners_connect():
    p = empty()
    p[0, 2, 2, 2] = p[0, 3, 3, 3] = 0.9
    assert len(run(p).lesions) == 1


def test_each_index_is_one_lesion_cmb_first_most_probable_first():
    p = empty()
    p[1, 1, 1, 1] = 0.99
    p[0, 5, 5, 5] = 0.7
    p[0, 9, 9, 9] = 0.9
    found = run(p)
    labels = found.labels
    assert [(lesion.index, lesion.name) for lesion in found.lesions] == [
        (1, 'CMB'),
        (2, 'CMB'),
        (3, 'iron'),
    ]
    assert [labels[9, 9, 9], labels[5, 5, 5], labels[1, 1, 1]] == [1, 2, 3]


def test_a_voxel_belongs_to_one_class_the_one_further_over_its_threshold():
    p = empty()
    p[0, 4, 4, 4], p[1, 4, 4, 4] = 0.8, 0.7
    assert [lesion.name for lesion in run(p).lesions] == ['CMB']
    thresholds = {'CMB': 0.6, 'iron': 0.3}
    assert [lesion.name for lesion in run(p, thresholds=thresholds).lesions] == ['iron']


def test_chances_do_not_change_what_is_found():
    p = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    chances = {'CMB': Chance(1.7, -5.0), 'iron': Chance(1.1, -2.0)}
    thresholds = {name: float(chance.of(0.6)) for name, chance in chances.items()}
    outlines = {name: float(chance.of(0.3)) for name, chance in chances.items()}
    everywhere = np.ones(SHAPE, dtype=bool)
    found = find_lesions(
        as_chances(p, chances),
        DetectionCriteria(thresholds, outlines, 0.0, chances=chances),
        (1.0, 1.0, 2.0),
        brain_mask=everywhere,
        iron_mask=everywhere,
    )
    np.testing.assert_array_equal(found.labels, run(p).labels)


def test_iron_counts_in_its_mask_only_and_gives_way_outside():
    p = empty()
    p[0, 4, 4, 4], p[1, 4, 4, 4] = 0.7, 0.9
    p[1, 8, 8, 8] = 0.9
    found = run(p, iron=np.zeros(SHAPE, dtype=bool))
    assert [lesion.name for lesion in found.lesions] == ['CMB']
    assert found.labels[8, 8, 8] == 0


def test_nothing_outside_the_brain():
    p = empty()
    p[:, 4, 4, 4] = 0.9
    assert run(p, brain=np.zeros(SHAPE, dtype=bool)).lesions == []


def test_the_smallest_volume_is_in_mm3():
    p = empty()
    p[0, 2, 2, 2:5] = 0.9  # three voxels of 2 mm3
    assert len(run(p, volume=6).lesions) == 1
    assert len(run(p, volume=6.1).lesions) == 0


def test_candidates_come_after_all_lesions_and_change_none():
    p = empty()
    p[0, 2, 2, 2:5] = (0.35, 0.8, 0.35)
    p[0, 5, 5, 5] = 0.4
    p[1, 8, 8, 8] = 0.5
    p[1, 2, 8, 8] = 0.7
    p[1, 10, 2, 2] = 0.29
    plain, found = run(p), run(p, near=0.5)
    assert plain.candidates == []
    assert found.lesions == plain.lesions
    assert [(one.index, one.name, round(one.probability, 2)) for one in found.candidates] == [
        (3, 'iron', 0.5),
        (4, 'CMB', 0.4),
    ]
    np.testing.assert_array_equal(found.labels, plain.labels)
    assert found.candidate_labels[8, 8, 8] == 3
    assert found.candidate_labels[5, 5, 5] == 4
    assert not found.candidate_labels[found.labels > 0].any()


def test_no_more_candidates_than_a_reader_looks_at():
    p = empty()
    p[0, ::2, ::2, 0] = np.linspace(0.4, 0.5, 36).reshape(6, 6)
    candidates = run(p, near=0.5).candidates
    assert len(candidates) == MOST_CANDIDATES
    assert candidates[0].probability == np.float32(0.5)
    assert [one.index for one in candidates] == list(range(1, MOST_CANDIDATES + 1))


def test_a_candidate_may_stay_below_the_outline_but_no_lesions_fringe_is_one():
    p = empty()
    p[0, 2, 2, 2:6] = (0.35, 0.58, 0.8, 0.35)  # a lesion, and what surrounds it
    p[0, 5, 5, 5:8] = (0.45, 0.45, 0.25)
    p[1, 2, 2, 7:9] = (0.4, 0.52)
    plain, found = run(p, extent=0.5), run(p, extent=0.5, near=0.5)
    assert found.lesions == plain.lesions
    assert [(one.name, round(one.probability, 2)) for one in found.candidates] == [
        ('iron', 0.52),
        ('CMB', 0.45),
    ]
    np.testing.assert_array_equal(found.labels, plain.labels)
    both = found.labels + found.candidate_labels
    assert [(both == index).sum() for index in (1, 2, 3)] == [2, 1, 2]
