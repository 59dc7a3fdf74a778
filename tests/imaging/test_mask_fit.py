"""Whether a given brain mask lies on the SWI's brain."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.imaging.mask_fit import why_not_on_swi

AXES = (72, 84, 60)


def ball(radius: float, zooms, shape, shift=(0.0, 0.0, 0.0)) -> nib.Nifti1Image:
    """A ball of ones around a point of the scanner's world, seen on a grid."""
    affine = np.diag([-zooms[0], *zooms[1:], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
    points = nib.affines.apply_affine(affine, np.indices(shape).reshape(3, -1).T)
    inside = np.linalg.norm(points - shift, axis=1).reshape(shape) < radius
    return nib.Nifti1Image(inside.astype(np.float32), affine)


@pytest.fixture(scope='module')
def swi() -> nib.Nifti1Image:
    """A brain of 60 mm in a skull without signal, a scalp around it, and air."""
    zooms = (2.5, 2.5, 3.0)
    brain, skull, scalp = (ball(r, zooms, AXES).get_fdata() for r in (60, 68, 74))
    signal = 300 * brain + 500 * (scalp - skull)
    noise = np.random.default_rng(0).normal(0, 10, AXES)
    return nib.Nifti1Image(np.abs(signal + noise).astype(np.float32), ball(60, zooms, AXES).affine)


@pytest.mark.parametrize(('radius', 'shift'), [(60, 0), (63, 0), (57, 3)])
def test_a_mask_of_the_same_world_passes_on_whatever_grid(swi, radius, shift):
    assert why_not_on_swi(ball(radius, (2, 2, 2), (80, 90, 100), (shift, 0, 0)), swi) == ''


def test_an_swi_stripped_of_its_skull_passes(swi):
    stripped = swi.get_fdata() * ball(59, (2.5, 2.5, 3.0), AXES).get_fdata()
    image = nib.Nifti1Image(stripped.astype(np.float32), swi.affine)
    assert why_not_on_swi(ball(61, (2, 2, 2), (80, 90, 100)), image) == ''


def test_a_mask_beside_the_brain_is_told(swi):
    mask = ball(60, (2, 2, 2), (120, 120, 120), (0, 0, 30))
    assert 'air or bone' in why_not_on_swi(mask, swi)


def test_a_mask_outside_the_field_of_view_is_told(swi):
    mask = ball(60, (2, 2, 2), (80, 90, 100))
    mask.affine[0, 3] += 400
    assert 'field of view' in why_not_on_swi(mask, swi)


@pytest.mark.shared
def test_the_mask_of_a_real_head(shared):
    folder = shared / 'real_bids'
    mask = nib.load(folder / 'derivatives/qsm/sub-01/anat/sub-01_desc-brain_mask.nii.gz')
    swi = nib.load(folder / 'sub-01/anat/sub-01_T2starw.nii.gz')
    assert why_not_on_swi(mask, swi) == ''
    moved = np.eye(4)
    moved[2, 3] = -20
    assert why_not_on_swi(nib.Nifti1Image(mask.get_fdata(), moved @ mask.affine), swi)
