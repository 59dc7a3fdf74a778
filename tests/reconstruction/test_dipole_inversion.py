"""Dipole inversion gives a known susceptibility back."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.inversion_l2 import invert_l2
from deepmir_bids.reconstruction.inversion_tkd import invert_truncated
from deepmir_bids.reconstruction.inversion_weighted_l2 import invert_weighted_l2
from deepmir_bids.simulation.dipole_field import dipole_field

VOXEL = (1.0, 1.0, 1.5)
B0 = (0.0, 0.2, 1.0)


@pytest.fixture(scope='module')
def ball():
    axes = [np.arange(n) - (n - 1) / 2 for n in (48, 48, 40)]
    x, y, z = np.meshgrid(*(a * v for a, v in zip(axes, VOXEL, strict=True)), indexing='ij')
    distance = np.sqrt(x**2 + y**2 + z**2)
    chi = np.where(distance < 5, 0.2, 0).astype(np.float32)
    return chi, distance


@pytest.mark.parametrize(
    ('invert', 'error'), [(invert_truncated, 0.25), (invert_l2, 0.25), (invert_weighted_l2, 0.25)]
)
def test_ball(ball, invert, error):
    """The mean over a ball of 0.2 ppm, against its surroundings, is right to the stated share."""
    chi, distance = ball
    mask = np.ones(chi.shape, dtype=bool)
    found = invert(dipole_field(chi, VOXEL, B0), mask, VOXEL, B0)
    contrast = found[distance < 4].mean() - found[(distance > 9) & (distance < 18)].mean()
    assert contrast == pytest.approx(0.2, rel=error)


@pytest.mark.parametrize('invert', [invert_truncated, invert_l2, invert_weighted_l2])
def test_sign_and_mask(ball, invert):
    chi, distance = ball
    mask = distance < 17
    found = invert(dipole_field(-chi, VOXEL, B0), mask, VOXEL, B0)
    assert np.isfinite(found).all()
    assert found[distance < 4].mean() < -0.1
    assert not found[~mask].any()


def test_weights_hide_bad_field(ball):
    """A corrupted patch spoils less where it is not trusted."""
    chi, distance = ball
    field = dipole_field(chi, VOXEL, B0)
    bad = np.zeros(chi.shape, dtype=bool)
    bad[32:35, 32:35, 18:22] = True
    spoiled = np.where(bad, 2.0, field).astype(np.float32)
    mask = np.ones(chi.shape, dtype=bool)
    trusting = invert_weighted_l2(spoiled, mask, VOXEL, B0)
    wary = invert_weighted_l2(spoiled, mask, VOXEL, B0, precision=(~bad).astype(np.float32))
    elsewhere = ~bad & (distance < 15)
    assert np.abs(wary - chi)[elsewhere].mean() < 0.5 * np.abs(trusting - chi)[elsewhere].mean()
