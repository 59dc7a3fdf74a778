"""Intensities mean the same whatever the scanner's scale and shading."""

import numpy as np
import pytest

from deepmir_bids.imaging.intensity_normalisation import (
    normalise_qsm,
    normalise_swi,
    normalise_t2w,
)

ZOOMS = (0.8, 0.8, 1.5)


def head(rng):
    """A noisy ball of tissue with a void in it, in air."""
    shape = (60, 60, 30)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing='ij'))
    brain_mask = (grid**2).sum(axis=0) < 0.6
    image = np.where(brain_mask, rng.normal(100, 5, shape), 2).astype(np.float32)
    image[30:32, 30:32, 15] = 0
    return image, brain_mask, grid


@pytest.mark.parametrize('normalise', [normalise_swi, normalise_t2w])
def test_scale_and_air_do_not_matter(normalise):
    image, brain_mask, _ = head(np.random.default_rng(0))
    once = normalise(image, brain_mask, ZOOMS)
    padded = np.pad(image, 10)
    again = normalise(padded * 37, np.pad(brain_mask, 10), ZOOMS)[10:-10, 10:-10, 10:-10]
    inside = brain_mask & (np.abs(once) < 3.9)
    # The sampling of the shading moves with the padding, hence not exactly the same.
    np.testing.assert_allclose(again[inside], once[inside], atol=0.05)


def test_swi_tissue_is_zero_and_a_void_is_minus_four():
    image, brain_mask, _ = head(np.random.default_rng(0))
    swi = normalise_swi(image, brain_mask, ZOOMS)
    assert abs(np.median(swi[brain_mask])) < 0.02
    np.testing.assert_allclose(swi[30:32, 30:32, 15], -4)


def test_shading_is_removed():
    image, brain_mask, grid = head(np.random.default_rng(0))
    shaded = normalise_swi(image * np.exp(0.5 * grid[0]), brain_mask, (2.5, 2.5, 5))  # 150 mm
    left, right = (
        np.median(shaded[brain_mask & side]) for side in (grid[0] < -0.3, grid[0] > 0.3)
    )
    assert abs(left - right) < 0.6  # before: 4 * (exp(.25) - exp(-.25)) = 2


def test_qsm_keeps_its_scale_and_sign_and_nan():
    qsm = np.array([[[0.125, -0.125, 5, np.nan]]], dtype=np.float32)
    np.testing.assert_allclose(normalise_qsm(qsm, qsm > 0, ZOOMS), [[[1, -1, 8, np.nan]]])


@pytest.mark.parametrize('normalise', [normalise_swi, normalise_t2w])
def test_unmeasured_stays_nan_and_does_not_move_the_rest(normalise):
    image, brain_mask, _ = head(np.random.default_rng(0))
    cut = image.copy()
    cut[:, :, :8] = np.nan
    result = normalise(cut, brain_mask, ZOOMS)
    assert np.isnan(result[:, :, :8]).all()
    whole = normalise(image, brain_mask, ZOOMS)
    assert abs(np.nanmedian(result[brain_mask]) - np.median(whole[brain_mask])) < 0.05


def test_a_constant_image_is_refused():
    mask = np.ones((8, 8, 8), dtype=bool)
    with pytest.raises(ValueError, match='constant'):
        normalise_t2w(np.zeros((8, 8, 8), dtype=np.float32), mask, ZOOMS)
