"""Inversion with total variation: what it forgives."""

import numpy as np
import pytest
from scipy import ndimage

from deepmir_bids.reconstruction import inversion_tv
from deepmir_bids.reconstruction.inversion_tv import invert_tv
from deepmir_bids.simulation.dipole_field import dipole_field

VOXEL, B0 = (1.0, 1.0, 1.5), (0.0, 0.2, 1.0)


@pytest.fixture(scope='module')
def head():
    """Susceptibility of two tissues and a ball in a brain, its field, brain, and a magnitude."""
    axes = [(np.arange(n) - (n - 1) / 2) * v for n, v in zip((48, 48, 36), VOXEL, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing='ij')
    brain = x**2 + y**2 + z**2 < 21**2
    chi = np.where(x**2 + y**2 + z**2 < 13**2, -0.03, 0.02) * brain
    chi[(x - 4) ** 2 + y**2 + z**2 < 9] = 0.15
    chi[brain] -= chi[brain].mean()
    magnitude = brain * (1 - 2 * chi) * (1 + x / 40)
    return chi, dipole_field(chi.astype(np.float32), VOXEL, B0), brain, magnitude


def error(found, head):
    """Of what is deeper than 4 mm, in proportion."""
    chi, _, brain, _ = head
    deep = ndimage.distance_transform_edt(brain, sampling=VOXEL) > 4
    found, true = (c[deep] - c[deep].mean() for c in (found, chi))
    return np.linalg.norm(found - true) / np.linalg.norm(true)


def noisy(head):
    noise = np.random.default_rng(0).normal(scale=0.003, size=head[0].shape)
    return (head[1] + noise).astype(np.float32)


def test_edges_of_the_magnitude_cost_nothing(head):
    """Where the penalty is so strong that it would level what it is paid for."""
    field, brain = noisy(head), head[2]
    blind = invert_tv(field, brain, VOXEL, B0, weight=3e-3)
    seeing = invert_tv(field, brain, VOXEL, B0, magnitude=head[3], weight=3e-3)
    assert error(seeing, head) < 0.7 * error(blind, head)


def test_a_field_that_sources_outside_could_make_changes_little(head):
    _, _, brain, magnitude = head
    outside = np.zeros(brain.shape, np.float32)
    outside[24, 1:3, 18] = 4.0
    rest = dipole_field(outside, VOXEL, B0)
    assert rest[brain].std() > 0.2 * head[1][brain].std()
    field = noisy(head)
    without = invert_tv(field, brain, VOXEL, B0, magnitude=magnitude)
    with_rest = invert_tv(field + rest, brain, VOXEL, B0, magnitude=magnitude)
    assert error(with_rest, head) < 1.2 * error(without, head)


def test_voxels_that_fit_no_susceptibility_are_not_believed(head, monkeypatch):
    _, _, brain, magnitude = head
    field = noisy(head)
    wrong = brain & (np.random.default_rng(1).random(brain.shape) < 0.005)
    spoilt = np.where(wrong, 0.3, field)
    wary = invert_tv(spoilt, brain, VOXEL, B0, magnitude=magnitude)
    monkeypatch.setattr(inversion_tv, 'REWEIGHT', 1000)
    trusting = invert_tv(spoilt, brain, VOXEL, B0, magnitude=magnitude)
    assert error(wary, head) < 0.5 * error(trusting, head)
