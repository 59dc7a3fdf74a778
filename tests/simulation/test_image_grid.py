"""Grids, interpolation between them and smooth noise."""

import numpy as np
import pytest

from deepmir_bids.simulation.image_grid import ImageGrid, block_mean, interpolate, smooth_noise


def test_centred_grid_is_centred():
    grid = ImageGrid.centred((1, 2, 3), (0.5, 1, 2), (10, 11, 12))
    middle = [grid.coordinates(a).mean() for a in range(3)]
    np.testing.assert_allclose(middle, (1, 2, 3))


def test_subdivision_keeps_the_volume():
    grid = ImageGrid.centred((0, 0, 0), (1, 1, 2), (4, 5, 6))
    fine = grid.subdivided((2, 3, 4))
    assert fine.shape == (8, 15, 24)
    for a, n in enumerate((2, 3, 4)):
        np.testing.assert_allclose(
            fine.coordinates(a).reshape(-1, n).mean(axis=1), grid.coordinates(a), atol=1e-9
        )


def test_crop_and_box_around():
    grid = ImageGrid.centred((0, 0, 0), (1, 1, 1), (21, 21, 21))
    box = grid.box_around(np.array([9.0, 0, 0]), 3)
    assert box == (slice(16, 21), slice(7, 14), slice(7, 14))
    np.testing.assert_allclose(grid.crop(box).coordinates(0), np.arange(6, 11))


def test_interpolation_is_exact_for_a_linear_image():
    source = ImageGrid.centred((0, 0, 0), (2, 2, 2), (12, 12, 12))
    target = ImageGrid.centred((0.3, -1, 0.5), (0.7, 1.1, 0.9), (9, 8, 10))

    def ramp(grid):
        x, y, z = np.meshgrid(*(grid.coordinates(a) for a in range(3)), indexing='ij')
        return (x - 2 * y + 0.5 * z).astype(np.float32)

    np.testing.assert_allclose(interpolate(ramp(source), source, target), ramp(target), atol=1e-4)


def test_interpolation_leaves_its_input_alone():
    grid = ImageGrid.centred((0, 0, 0), (1, 1, 1), (4, 4, 4))
    image = np.random.default_rng(0).random((4, 4, 4), dtype=np.float32)
    before = image.copy()
    np.testing.assert_array_equal(interpolate(image, grid, grid), before)
    np.testing.assert_array_equal(image, before)


def test_block_mean():
    image = np.arange(4 * 6 * 2, dtype=float).reshape(4, 6, 2)
    assert block_mean(image, (4, 6, 2)).item() == pytest.approx(image.mean())


def test_smooth_noise_has_unit_variance_and_its_scale():
    noise = smooth_noise((60, 60, 60), 6, np.random.default_rng(1))
    assert noise.std() == pytest.approx(1, abs=0.15)
    near = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    far = np.corrcoef(noise[:-18].ravel(), noise[18:].ravel())[0, 1]
    assert near > 0.9
    assert abs(far) < 0.3
