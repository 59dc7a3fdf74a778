"""Patches, and how they vary."""

import numpy as np

from deepmir_bids.training import patch_sampling
from deepmir_bids.training.augmentation import (
    SWI,
    T2W,
    VOID,
    augment,
    bend,
    drop_inputs,
    hide_border,
    soften,
)
from deepmir_bids.training.patch_sampling import PATCH, cut, sample_batch


def test_a_batch_follows_from_its_seed(subject):
    one = sample_batch([subject], 4, np.random.default_rng(3))
    two = sample_batch([subject], 4, np.random.default_rng(3))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[0].shape == (4, 3, *PATCH)
    assert one[1].shape == (4, 2, *PATCH)
    assert one[2].shape == (4, 1, *PATCH)


def test_swi_is_never_dropped_and_the_others_are(subject):
    x, _, _ = sample_batch([subject], 40, np.random.default_rng(0))
    missing = np.isnan(x).all(axis=(2, 3, 4))
    assert not missing[:, 0].any()
    assert 0.2 < missing[:, 1].mean() < 0.8
    assert 0.2 < missing[:, 2].mean() < 0.8


def test_a_patch_larger_than_the_box_is_padded_as_unmeasured(subject):
    x, target, _ = cut(subject, np.array([0, 0, 0]))
    shape = subject.prepared.x.shape[1:]
    assert np.isnan(x[:, shape[0] :]).all()
    assert not target[:, shape[0] :].any()


def test_images_and_labels_are_mirrored_together():
    x = np.zeros((3, 8, 8, 8), dtype=np.float32)
    x[:, 1, 2, 3] = -4
    target = (x[:2] < 0).astype(np.float32)
    for seed in range(20):
        seen, label, _ = augment(x, target, target[:1], np.random.default_rng(seed))
        assert seen[0].argmin() == label[0].argmax()


def test_the_sign_of_qsm_is_kept():
    x = np.full((3, 4, 4, 4), 4, dtype=np.float32)
    for seed in range(50):
        seen, _, _ = augment(x, x[:2], x[:1], np.random.default_rng(seed))
        measured = seen[1][np.isfinite(seen[1])]
        assert measured.size == 0 or measured.mean() > 0


def test_hiding_the_border_only_shrinks_what_was_measured():
    x = np.zeros((3, 20, 20, 20), dtype=np.float32)
    x[1, :6] = np.nan
    before = np.isfinite(x[1])
    hide_border(x, np.random.default_rng(0))
    after = np.isfinite(x[1])
    assert 0 < after.sum() < before.sum()
    assert not (after & ~before).any()
    drop_inputs(x, np.random.default_rng(0))
    assert np.isfinite(x[0]).all()


def test_softening_smooths_and_leaves_the_unmeasured_alone():
    x = np.random.default_rng(0).normal(size=(3, 12, 12, 12)).astype(np.float32)
    x[1, :4] = np.nan
    before = x.copy()
    soften(x, np.random.default_rng(0))
    assert x[0].std() < before[0].std()
    np.testing.assert_array_equal(np.isnan(x), np.isnan(before))


def test_a_stripped_patch_shows_the_brain_alone(subject):
    corner = np.zeros(3)
    whole, *labels = cut(subject, corner)
    bare, *same = cut(subject, corner, stripped=True)
    brain = subject.prepared.brain_mask[tuple(slice(n) for n in PATCH)]
    whole, bare = (x[(slice(None), *(slice(n) for n in brain.shape))] for x in (whole, bare))
    np.testing.assert_array_equal(bare[:, brain], whole[:, brain])
    assert (bare[SWI][~brain] == VOID).all()
    assert np.isnan(bare[T2W][~brain]).all()
    for one, other in zip(labels, same, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bending_keeps_voids_tissue_and_the_order_between_them():
    before = np.linspace(VOID, 3, 60, dtype=np.float32)
    powers = []
    for seed in range(20):
        after = before.copy()
        bend(after, np.random.default_rng(seed))
        assert after[0] == VOID
        assert (np.diff(after) >= 0).all()
        np.testing.assert_allclose(np.interp(0, before, after), 0, atol=0.01)
        powers.append(np.interp(-2, before, after))
    # A signal halved by a lesion falls further with a later echo, and less with an earlier one.
    assert min(powers) < -2.3
    assert max(powers) > -1.7


def test_what_is_painted_near_the_surface_is_there(monkeypatch, subject):
    places = []
    monkeypatch.setattr(patch_sampling, 'SHARES', {'painted': 1.0})
    monkeypatch.setattr(
        patch_sampling, 'paint', lambda x, *rest: places.append((x.shape, rest[2]))
    )
    mean = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(patch_sampling, 'AT_SURFACE', share)
        places.clear()
        sample_batch([subject], 30, np.random.default_rng(0))
        assert 30 <= len(places) <= 120
        assert all((place >= 0).all() and (place < shape[1:]).all() for shape, place in places)
        # The brain is a ball of radius 24 voxels in the plane.
        mean[share] = np.mean([np.hypot(*(place[:2] - 24)) for _, place in places])
    assert mean[1.0] > mean[0.0] + 2
