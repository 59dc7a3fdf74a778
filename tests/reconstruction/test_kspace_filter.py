"""Padding and filtering in k-space."""

import numpy as np

from deepmir_bids.reconstruction.kspace_filter import filter_image, gradient_energy, padded_shape


def test_padded_shape_is_large_enough():
    assert all(
        p >= 1.3 * n for n, p in zip((37, 41, 50), padded_shape((37, 41, 50), 1.3), strict=True)
    )


def test_a_flat_response_gives_the_image_back():
    image = np.random.default_rng(0).random((7, 9, 11), dtype=np.float32)
    padded = padded_shape(image.shape, 1.25)
    filtered = filter_image(image, padded, np.ones((*padded[:2], padded[2] // 2 + 1)))
    assert filtered.dtype == np.float32
    np.testing.assert_allclose(filtered, image, atol=1e-6)


def test_gradient_energy_is_that_of_the_differences():
    """By Parseval the filter's energy is the sum of the squared periodic differences."""
    image = np.random.default_rng(0).standard_normal((8, 10, 12))
    voxel_mm = (0.8, 1.0, 2.0)
    squares = [(np.roll(image, -1, a) - image) ** 2 / d**2 for a, d in enumerate(voxel_mm)]
    energy = gradient_energy(image.shape, voxel_mm)
    filtered = filter_image(image, image.shape, energy)
    other = np.random.default_rng(1).standard_normal(image.shape)
    others = [(np.roll(other, -1, a) - other) ** 2 / d**2 for a, d in enumerate(voxel_mm)]
    ratio = np.vdot(image, filtered) / np.vdot(other, filter_image(other, image.shape, energy))
    np.testing.assert_allclose(ratio, np.sum(squares) / np.sum(others), rtol=1e-4)
