"""Unwrapping of a phase that turns many times."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.unwrapping import unwrap_laplacian, wrap


def grid(shape):
    return np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in shape], indexing='ij')


def test_wrap():
    np.testing.assert_allclose(
        wrap(np.array([0, 4.0, -4.0, 7.0])), [0, 4 - 2 * np.pi, 2 * np.pi - 4, 7 - 2 * np.pi]
    )


@pytest.mark.parametrize('voxel_mm', [(1, 1, 1), (0.8, 0.9, 2)])
def test_unwrap_many_turns(voxel_mm):
    x, y, z = grid((24, 26, 20))
    true = 0.05 * x**2 + 0.4 * y - 0.02 * x * z
    found = unwrap_laplacian(wrap(true), np.ones(x.shape, dtype=bool), voxel_mm)
    assert np.ptp(true) > 6 * np.pi
    np.testing.assert_allclose(found - found.mean(), true - true.mean(), atol=1e-3)


def test_noise_outside_the_mask_does_not_matter():
    x, y, z = grid((24, 24, 16))
    true = 0.08 * x**2
    mask = x**2 + y**2 < 100
    rng = np.random.default_rng(0)
    noisy = np.where(mask, wrap(true), rng.uniform(-np.pi, np.pi, x.shape))
    clean = unwrap_laplacian(wrap(true), mask)
    np.testing.assert_allclose(unwrap_laplacian(noisy, mask)[mask], clean[mask], atol=1e-4)
    assert z.shape == clean.shape
