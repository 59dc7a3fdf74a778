"""A QSM is brought onto its SWI, or found not to belong to it."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.qsm_fit import fit_qsm
from deepmir_bids.simulation.dipole_field import dipole_field

SHAPE, AFFINE = (64, 72, 56), np.diag([2.0, 2.0, 2.0, 1.0])
AFFINE[:3, 3] = (-64, -72, -56)


def veins(seed: int) -> np.ndarray:
    """Susceptibility (ppm) of straight veins through a ball of brain, and some noise."""
    random = np.random.default_rng(seed)
    chi = np.zeros(SHAPE, dtype=np.float32)
    for _ in range(80):
        start, end = (random.uniform(0.1, 0.9, 3) * SHAPE for _ in range(2))
        line = start + np.linspace(0, 1, 200)[:, None] * (end - start)
        chi[tuple(line.astype(int).T)] = 1
    chi = 0.3 * gaussian_filter(chi, 0.6) + random.normal(0, 0.01, SHAPE)
    return np.where(BRAIN, chi, 0).astype(np.float32)


def ball() -> np.ndarray:
    grid = np.indices(SHAPE) - np.array(SHAPE)[:, None, None, None] / 2
    return (grid**2).sum(0) < 26**2


BRAIN = ball()


def swi_of(chi: np.ndarray) -> nib.Nifti1Image:
    """An image that is dark where the map bends the field."""
    field = np.abs(dipole_field(chi, (2, 2, 2), (0, 0, 1)))
    signal = 100 * np.exp(-8 * field) + np.random.default_rng(9).normal(0, 3, SHAPE)
    return nib.Nifti1Image(np.where(BRAIN, signal, 0).astype(np.float32), AFFINE)


@pytest.fixture(scope='module')
def swi() -> nib.Nifti1Image:
    return swi_of(veins(1))


def moved(turn_deg: float = 0, shift_mm=(0, 0, 0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler('z', turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


@pytest.mark.parametrize('factor', [1, -1, 1000])
def test_a_map_in_its_place_stays_there_whatever_its_sign_and_unit(swi, factor):
    fit = fit_qsm(nib.Nifti1Image(factor * veins(1), AFFINE), swi, BRAIN)
    assert fit.fits
    assert fit.moved_mm == 0
    np.testing.assert_array_equal(fit.matrix, np.eye(4))


@pytest.mark.parametrize(
    ('turn_deg', 'shift_mm'), [(0, (0, 0, 2)), (0, (7, -3, 20)), (3, (0, 0, 0)), (8, (4, 9, -6))]
)
def test_a_map_elsewhere_is_brought_back(swi, turn_deg, shift_mm):
    away = moved(turn_deg, shift_mm)
    fit = fit_qsm(nib.Nifti1Image(veins(1), away @ AFFINE), swi, BRAIN)
    places = apply_affine(AFFINE, np.argwhere(BRAIN)[::50])
    error = apply_affine(fit.matrix @ away, places) - places
    assert np.linalg.norm(error, axis=1).max() < 0.5
    assert fit.correlation > 1.1 * fit.correlation_as_is
    farthest = np.linalg.norm(apply_affine(away, places) - places, axis=1).max()
    assert fit.moved_mm == pytest.approx(farthest, abs=0.6)


def test_slices_that_cannot_be_trusted_do_not_count(swi):
    gaps = swi.get_fdata(dtype=np.float32)
    gaps[:, :, [20, 33]] = np.nan
    away = moved(4, (3, -6, 9))
    fit = fit_qsm(nib.Nifti1Image(veins(1), away @ AFFINE), nib.Nifti1Image(gaps, AFFINE), BRAIN)
    np.testing.assert_allclose(fit.matrix @ away, np.eye(4), atol=0.3)


def test_a_lost_slice_is_seen(swi):
    fit = fit_qsm(nib.Nifti1Image(veins(1)[:, :, 1:], AFFINE), swi, BRAIN)
    assert fit.matrix[2, 3] == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize('other', [veins(2), np.zeros(SHAPE, np.float32)])
def test_a_map_of_another_head_fits_nowhere(swi, other):
    fit = fit_qsm(nib.Nifti1Image(other, AFFINE), swi, BRAIN)
    assert not fit.fits
    assert fit.moved_mm == 0


def test_storage_and_voxels_do_not_matter(swi):
    """A map on another grid, stored the other way round, with a smaller mask."""
    small = np.where(binary_erosion(BRAIN, iterations=3), veins(1), 0)
    mirror = np.diag([-1.0, 1, 1, 1])
    mirror[0, 3], mirror[2, 3] = SHAPE[0] - 1, 4
    away = moved(0, (0, 6, 0)) @ AFFINE @ mirror
    flipped = nib.Nifti1Image(small[::-1, :, 4:].copy(), away)
    fit = fit_qsm(flipped, swi, BRAIN)
    assert fit.fits
    assert fit.matrix[1, 3] == pytest.approx(-6, abs=0.3)
