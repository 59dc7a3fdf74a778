"""Rigid registration between contrasts of one head."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.builtin import contrast_image, grow_head, tissue_maps
from deepmir_bids.anatomy.rigid import register_rigid


@pytest.fixture(scope='module')
def heads():
    maps = grow_head(tissue_maps(4))
    return contrast_image(maps, 't2w'), contrast_image(maps, 'swi')


@pytest.mark.slow
def test_a_known_motion_is_undone(heads):
    t2w, swi = heads
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler('xyz', [4, -6, 5], degrees=True).as_matrix()
    motion[:3, 3] = 12, -7, 9
    moved = nib.Nifti1Image(t2w.get_fdata(dtype=np.float32), motion @ t2w.affine)
    found = register_rigid(moved, swi)
    points = np.array([[0, 0, 0], [60, 0, 0], [0, -80, 20], [-30, 20, 60]], float)
    back = nib.affines.apply_affine(found.matrix @ motion, points)
    assert np.abs(back - points).max() < 1.5
    assert found.mutual_information > found.candidates['scanner'] * 1.2


@pytest.mark.slow
def test_images_far_apart_meet_by_their_centres(heads):
    t2w, swi = heads
    motion = np.eye(4)
    motion[:3, 3] = 150, 0, -200
    moved = nib.Nifti1Image(t2w.get_fdata(dtype=np.float32), motion @ t2w.affine)
    found = register_rigid(moved, swi)
    assert np.abs((found.matrix @ motion)[:3, 3]).max() < 2
