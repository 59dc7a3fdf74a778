"""Patches, and how they vary."""

import numpy as np
import torch

from deepmir_bids.training import patch_sampling
from deepmir_bids.training.augmentation import (
    QSM,
    SWI,
    T2W,
    VOID,
    augment,
    bend,
    drop_inputs,
    hide_border,
    mirror,
    misplace,
    soften,
    vary_intensity,
)
from deepmir_bids.training.patch_sampling import (
    PATCH,
    SURFACE,
    Sight,
    cut,
    sample_batch,
    somewhere,
    strip,
)


def at_corner(subject):
    """The first patch of a subject, as it is: x, target, weight and brain mask."""
    box = tuple(slice(0, n) for n in PATCH)
    return cut([Sight(subject, box, np.empty((0, 3)))])


def test_a_batch_follows_from_its_seed(subject):
    one = sample_batch([subject], 4, np.random.default_rng(3))
    two = sample_batch([subject], 4, np.random.default_rng(3))
    other = sample_batch([subject], 4, np.random.default_rng(4))
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(one[0], other[0])
    assert one[0].shape == (4, 3, *PATCH)
    assert one[1].shape == (4, 2, *PATCH)
    assert one[2].shape == (4, 1, *PATCH)


def test_swi_is_never_dropped_and_the_others_are(subject):
    x, _, _ = sample_batch([subject], 40, np.random.default_rng(0))
    missing = torch.isnan(x).flatten(2).all(dim=2).float()
    assert not missing[:, 0].any()
    assert 0.2 < missing[:, 1].mean() < 0.8
    assert 0.2 < missing[:, 2].mean() < 0.8


def test_what_is_drawn_leaves_its_subject_as_it_was(subject):
    before = [part.clone() for part in subject.tensors('cpu')]
    sample_batch([subject], 40, np.random.default_rng(0))
    for part, same in zip(subject.tensors('cpu'), before, strict=True):
        torch.testing.assert_close(part, same, rtol=0, atol=0, equal_nan=True)


def test_a_patch_larger_than_the_box_is_padded_as_unmeasured(subject):
    shape = subject.prepared.x.shape[1:]
    x, target, weight, brain = at_corner(subject)
    assert x.shape[2:] == PATCH
    assert torch.isnan(x[:, :, shape[0] :]).all()
    assert not target[:, :, shape[0] :].any()
    assert (weight[:, :, shape[0] :] == 1).all()
    assert not brain[:, :, shape[0] :].any()


def test_images_and_labels_are_mirrored_together():
    x = torch.zeros((60, 3, 8, 8, 8))
    x[:, :, 1, 2, 3] = -4
    target = (x[:, :2] < 0).float()
    mirror((x, target), np.random.default_rng(0))
    places = x[:, 0].flatten(1).argmin(dim=1)
    assert torch.equal(places, target[:, 1].flatten(1).argmax(dim=1))
    assert len(set(places.tolist())) > 4


def test_the_sign_of_qsm_is_kept():
    x = torch.full((50, 3, 4, 4, 4), 4.0)
    augment(x, x[:, :2].clone(), x[:, :1].clone(), np.random.default_rng(0))
    means = x[:, QSM].flatten(1).nanmean(dim=1)
    assert torch.isnan(means).any()
    assert (means[~torch.isnan(means)] > 0).all()


def test_each_patch_varies_by_itself():
    x = torch.ones((30, 3, 6, 6, 6))
    vary_intensity(x, np.random.default_rng(0))
    means = x.flatten(2).mean(dim=2)
    assert (means.std(dim=0) > 0.1).all()
    noise = x.flatten(2).std(dim=2)
    assert 0.2 < (noise == 0).float().mean() < 0.8
    assert noise.max() < 0.6


def test_hiding_the_border_only_shrinks_what_was_measured():
    x = torch.zeros((3, 3, 20, 20, 20))
    x[:, QSM, :6] = torch.nan
    before = torch.isfinite(x)
    hide_border(x, np.array([0, 2]), np.random.default_rng(0))
    after = torch.isfinite(x)
    assert torch.equal(after[1], before[1])
    for patch in (0, 2):
        # By 1 to 7 voxels, from the border inwards alone.
        measured = after[patch, QSM].any(dim=2).any(dim=1)
        first = int(measured.int().argmax())
        assert 7 <= first <= 13
        assert after[patch, QSM, first:].all()
        assert not after[patch, QSM, :first].any()
    drop_inputs(x, np.random.default_rng(0))
    assert torch.isfinite(x[:, SWI]).all()


def test_hiding_reaches_as_far_as_a_minimum_filter():
    from scipy.ndimage import minimum_filter

    x = torch.zeros((1, 3, 18, 16, 14))
    x[:, QSM][torch.rand(1, 18, 16, 14, generator=torch.Generator().manual_seed(0)) > 0.998] = (
        torch.nan
    )
    measured = torch.isfinite(x[0, QSM]).numpy()
    hide_border(x, np.array([0]), np.random.default_rng(5))
    reach = np.random.default_rng(5).integers(1, (8, 8, 4), size=(1, 3))[0]
    expected = minimum_filter(measured, size=2 * reach + 1, mode='nearest')
    np.testing.assert_array_equal(torch.isfinite(x[0, QSM]).numpy(), expected)


def test_a_t2w_is_at_most_a_voxel_off():
    t2w = torch.zeros((40, 9, 9, 9))
    t2w[:, 4, 4, 4] = 1
    misplace(t2w, np.arange(20), np.random.default_rng(0))
    shifts = t2w.nonzero()[:, 1:] - 4
    assert shifts.abs().max() == 1
    assert (shifts[:20] != 0).any(dim=1).sum() > 10
    assert not shifts[20:].any()


def test_softening_smooths_and_leaves_the_unmeasured_alone():
    x = torch.randn((2, 3, 12, 12, 12), generator=torch.Generator().manual_seed(0))
    x[:, QSM, :4] = torch.nan
    before = x.clone()
    soften(x, np.array([1]), np.random.default_rng(0))
    torch.testing.assert_close(x[0], before[0], rtol=0, atol=0, equal_nan=True)
    assert x[1, SWI].std() < before[1, SWI].std()
    assert torch.equal(torch.isnan(x), torch.isnan(before))


def test_softening_is_a_gaussian():
    from scipy.ndimage import gaussian_filter

    x = torch.zeros((1, 1, 21, 21, 21))
    x[0, 0, 10, 10, 10] = 1
    sigma = np.random.default_rng(1).uniform(0.3, 1.1) * np.array([1, 1, 0.6])
    expected = gaussian_filter(x[0, 0].numpy(), sigma, truncate=6)
    soften(x, np.array([0]), np.random.default_rng(1))
    np.testing.assert_allclose(x[0, 0].numpy(), expected, atol=1e-4)


def test_a_stripped_patch_shows_the_brain_alone(subject):
    whole, _, _, brain = at_corner(subject)
    bare = whole.clone()
    strip(bare, brain, np.array([0]))
    inside = brain[0, 0]
    torch.testing.assert_close(bare[0][:, inside], whole[0][:, inside], rtol=0, atol=0)
    assert (bare[0, SWI][~inside] == VOID).all()
    assert torch.isnan(bare[0, T2W][~inside]).all()
    strip(whole, brain, np.array([], dtype=int))
    assert not (whole[0, SWI][~inside] == VOID).all()


def test_bending_keeps_voids_tissue_and_the_order_between_them():
    before = torch.linspace(VOID, 3, 60)
    swi = before.repeat(21, 1)[:, :, None, None]
    bend(swi, np.arange(20), np.random.default_rng(0))
    assert torch.equal(swi[20].squeeze(), before)
    powers = []
    for after in swi[:20].squeeze().numpy():
        assert after[0] == VOID
        assert (np.diff(after) >= 0).all()
        np.testing.assert_allclose(np.interp(0, before, after), 0, atol=0.01)
        powers.append(np.interp(-2, before, after))
    # A signal halved by a lesion falls further with a later echo, and less with an earlier one.
    assert min(powers) < -2.3
    assert max(powers) > -1.7


def test_places_near_the_surface_are_near_it():
    shape = (48, 48, 24)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing='ij'))
    ball = (grid**2).sum(axis=0) < 0.9
    rng = np.random.default_rng(0)
    for _ in range(50):
        place = somewhere(ball, rng, at_surface=True)
        assert ball[tuple(place)]
        steps = SURFACE * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
        around = np.clip(place + steps, 0, np.array(shape) - 1)
        assert not ball[tuple(around.T)].all()
    assert any(np.hypot(*(somewhere(ball, rng)[:2] - 24)) < 10 for _ in range(50))
    assert (somewhere(np.zeros_like(ball), rng) == np.array(shape) // 2).all()


def test_what_is_painted_lies_in_the_brain(monkeypatch, subject):
    places = []
    monkeypatch.setattr(patch_sampling, 'SHARES', {'painted': 1.0})
    monkeypatch.setattr(patch_sampling, 'paint', lambda *parts: places.append(parts[3]))
    monkeypatch.setattr(patch_sampling, '_jitter', lambda rng: -np.array(PATCH))  # at the corner
    sample_batch([subject], 30, np.random.default_rng(0))
    counts = [len(part) for part in places]
    assert counts[0] == 30
    assert counts == sorted(counts, reverse=True)
    assert 60 <= sum(counts) <= 90
    brain = subject.prepared.brain_mask
    assert all(brain[tuple(place)] for place in np.concatenate(places))
