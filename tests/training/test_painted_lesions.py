"""What is painted into patches."""

import numpy as np
import pytest
import torch

from deepmir_bids.training import painted_lesions
from deepmir_bids.training.painted_lesions import QSM, SWI, T2W, VOID, paint

SHAPE, PLACE, SPACING = (40, 40, 20), np.array([20, 21, 10]), np.array([0.8, 0.8, 1.5])


def painted(monkeypatch, kind, seed, x=None, target=None):
    """Return x, target and weight after one thing of a kind was painted at PLACE."""
    monkeypatch.setattr(painted_lesions, 'KINDS', {kind: 1.0})
    x = np.zeros((3, *SHAPE), np.float32) if x is None else x
    target = np.zeros((2, *SHAPE), np.float32) if target is None else target
    weight = np.ones((1, *SHAPE), np.float32)
    parts = [torch.from_numpy(part)[None] for part in (x, target, weight)]
    paint(*parts, PLACE[None], SPACING[None], np.random.default_rng(seed))
    return [part[0].numpy() for part in parts]


@pytest.mark.parametrize('seed', range(8))
def test_a_microbleed_is_dark_round_and_labelled(monkeypatch, seed):
    x, target, weight = painted(monkeypatch, 'microbleed', seed)
    inside = target[0] > 0
    assert inside[tuple(PLACE)]
    assert not target[1].any()
    # At most 9 mm across, give or take what it is stretched by and the edge of a voxel.
    apart = np.linalg.norm((np.argwhere(inside) - PLACE) * SPACING, axis=1)
    assert apart.max() < 1.5 * 4.5 + 1.5
    assert x[SWI][inside].mean() < x[SWI][~inside].mean() - 0.2
    assert x[SWI].min() >= VOID
    assert (x[QSM] >= 0).all()
    assert (x[T2W] <= 0).all()
    assert (weight[0][inside] >= 1).all()
    assert (weight[0][~inside] == 1).all()


@pytest.mark.parametrize('seed', range(4))
def test_what_only_looks_like_a_microbleed_is_not_labelled(monkeypatch, seed):
    for kind, sign in (('calcification', -1), ('vein', 1)):
        x, target, _ = painted(monkeypatch, kind, seed)
        assert not target.any()
        assert x[SWI].min() < -0.2
        assert sign * x[QSM][tuple(PLACE)] > 0


def test_a_vein_is_long(monkeypatch):
    lengths = []
    for seed in range(10):
        x, _, _ = painted(monkeypatch, 'vein', seed)
        places = np.argwhere(x[SWI] < x[SWI].min() / 2) * SPACING
        lengths.append(np.ptp(places, axis=0).max())
    assert np.median(lengths) > 10


def test_a_lesion_that_is_there_stays_as_it_is(monkeypatch):
    target = np.zeros((2, *SHAPE), np.float32)
    target[1, 19:22, 19:22, 9:12] = 1
    x, after, weight = painted(monkeypatch, 'microbleed', 0, target=target.copy())
    np.testing.assert_array_equal(after, target)
    assert not x.any()
    assert (weight == 1).all()


def test_what_was_not_measured_stays_so(monkeypatch):
    x = np.zeros((3, *SHAPE), np.float32)
    x[QSM, :20] = np.nan
    x[T2W] = np.nan
    after, _, _ = painted(monkeypatch, 'microbleed', 1, x=x.copy())
    np.testing.assert_array_equal(np.isnan(after), np.isnan(x))
