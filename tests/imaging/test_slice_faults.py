"""Faulty slices do not reach the network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from deepmir_bids.imaging.slice_faults import level_slices

SHAPE = (50, 60, 36)


@pytest.fixture
def head():
    rng = np.random.default_rng(0)
    away = np.linalg.norm(
        [(i - (n - 1) / 2) / (0.45 * n) for i, n in zip(np.indices(SHAPE), SHAPE, strict=True)],
        axis=0,
    )
    shading = 1 + 0.5 * np.indices(SHAPE)[2] / SHAPE[2]
    swi = 400 * shading * np.exp(0.1 * gaussian_filter(rng.normal(size=SHAPE), 1)) * (away < 1.1)
    return swi.astype(np.float32), away < 1


def test_a_sound_image_stays_as_it_is(head):
    swi, brain = head
    levelled, notes = level_slices(swi, brain)
    assert notes == []
    np.testing.assert_array_equal(levelled, swi)


@pytest.mark.parametrize('factor', [0.0, 0.3, 0.6, 1.8])
@pytest.mark.parametrize(('axis', 'slices'), [(2, [15]), (2, [20, 21]), (1, [30]), (0, [22, 33])])
def test_slices_that_do_not_fit_are_not_measured(head, factor, axis, slices):
    swi, brain = head
    spoilt = np.moveaxis(swi.copy(), axis, 0)
    spoilt[slices] *= factor
    levelled, notes = level_slices(np.moveaxis(spoilt, 0, axis), brain)
    gone = np.isnan(np.moveaxis(levelled, axis, 0)).all((1, 2))
    assert np.flatnonzero(gone).tolist() == slices
    assert len(notes) == 1


@pytest.mark.parametrize('factor', [0.6, 0.8])
def test_slices_bright_and_dark_in_turn_are_levelled(head, factor):
    swi, brain = head
    spoilt = swi.copy()
    spoilt[:, :, ::2] *= factor
    levelled, notes = level_slices(spoilt, brain)
    assert 'in turn' in notes[0]
    assert np.isfinite(levelled).all()
    even, odd = (np.median(levelled[:, :, k::2][brain[:, :, k::2]]) for k in (0, 1))
    assert abs(even / odd - 1) < 0.05
