"""The field of susceptibilities against closed forms."""

import numpy as np
import pytest

from deepmir_bids.simulation.dipole_field import dipole_field


def sphere(shape, voxel_mm, radius_mm, supersampling=3):
    """Occupancy of a sphere at the middle of a grid, and the offsets from its centre in mm."""
    fine = [
        (np.arange(n * supersampling) - (n * supersampling - 1) / 2) * d / supersampling
        for n, d in zip(shape, voxel_mm, strict=True)
    ]
    x, y, z = np.meshgrid(*fine, indexing='ij', sparse=True)
    inside = (x**2 + y**2 + z**2 <= radius_mm**2).astype(np.float32)
    nx, ny, nz = shape
    s = supersampling
    filled = inside.reshape(nx, s, ny, s, nz, s).mean(axis=(1, 3, 5))
    offsets = np.meshgrid(
        *[(np.arange(n) - (n - 1) / 2) * d for n, d in zip(shape, voxel_mm, strict=True)],
        indexing='ij',
    )
    return filled, np.stack(offsets)


@pytest.mark.parametrize('b0', [(0, 0, 1), (0.3, -0.2, 0.9)])
@pytest.mark.parametrize('voxel_mm', [(1, 1, 1), (0.8, 0.8, 1.2)])
def test_sphere_outside(b0, voxel_mm):
    radius = 6.0
    filled, offset = sphere((64, 64, 56), voxel_mm, radius)
    field = dipole_field(filled, voxel_mm, b0)
    distance = np.linalg.norm(offset, axis=0)
    b = np.asarray(b0) / np.linalg.norm(b0)
    cosine = np.tensordot(b, offset, axes=1) / distance
    expected = (radius / distance) ** 3 * (3 * cosine**2 - 1) / 3
    near = (distance > radius + 2) & (distance < 18)
    assert np.abs(field - expected)[near].max() < 0.06 * np.abs(expected[near]).max()
    assert np.corrcoef(field[near], expected[near])[0, 1] > 0.9995


def test_sphere_inside_is_zero():
    filled, offset = sphere((64, 64, 64), (1, 1, 1), 8)
    field = dipole_field(filled, (1, 1, 1), (0, 0, 1))
    assert np.abs(field[np.linalg.norm(offset, axis=0) < 5]).max() < 0.02


def test_linear_and_signed():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 12, 14, 10)).astype(np.float32)
    together = dipole_field(first - 2 * second, (1, 1, 2), (0, 0, 1))
    apart = dipole_field(first, (1, 1, 2), (0, 0, 1)) - 2 * dipole_field(
        second, (1, 1, 2), (0, 0, 1)
    )
    np.testing.assert_allclose(together, apart, atol=1e-5)
