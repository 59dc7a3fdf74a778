"""What affine starts are scored with."""

import numpy as np
import pytest

from deepmir_bids.anatomy.affine_starts import (
    AffineCandidate,
    clip_intensity,
    mutual_information,
    resample_to_spacing,
)
from deepmir_bids.anatomy.ants_images import to_ants


def test_mutual_information_knows_a_relation_from_none():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 20, 20, 20))
    mask = np.ones(a.shape, bool)
    assert mutual_information(a, 1 - a**2, mask) > 1
    assert mutual_information(a, b, mask) < 0.1
    assert mutual_information(a, np.zeros_like(a), mask) == pytest.approx(0)


def test_clipping_tames_the_brightest_and_nan():
    rng = np.random.default_rng(0)
    array = rng.random((20, 20, 20)) + 1
    array[0, 0, 0], array[0, 0, 1] = 1e6, np.nan
    clipped = clip_intensity(array)
    assert np.isfinite(clipped).all()
    assert clipped.min() == 0


def test_spacing_changes_and_place_does_not():
    array = np.zeros((30, 40, 20), np.float32)
    array[10:20, 10:30, 5:15] = 1
    affine = np.diag([-1.0, 1, 2, 1])
    coarse = resample_to_spacing(to_ants(array, affine), 4.0)
    np.testing.assert_allclose(coarse.spacing, 4)
    before, after = to_ants(array, affine).get_center_of_mass(), coarse.get_center_of_mass()
    np.testing.assert_allclose(before, after, atol=0.5)


def test_a_collapsed_brain_is_not_plausible():
    assert AffineCandidate('', '', 0.2, 1500).plausible
    assert not AffineCandidate('', '', 0.2, 640).plausible
    assert not AffineCandidate('', '', 0.2, 2700).plausible
