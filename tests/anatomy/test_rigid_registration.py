"""Rigid registration between contrasts of one head."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.builtin_head import contrast_image, grow_head, tissue_maps
from deepmir_bids.anatomy.rigid_registration import register_rigid


@pytest.fixture(scope='module')
def heads():
    maps = grow_head(tissue_maps(4))
    return contrast_image(maps, 't2w'), contrast_image(maps, 'swi')


@pytest.mark.slow
@pytest.mark.parametrize('sloppy', [False, True])
def test_a_known_motion_is_undone(heads, sloppy):
    t2w, swi = heads
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler('xyz', [4, -6, 5], degrees=True).as_matrix()
    motion[:3, 3] = 12, -7, 9
    moved = nib.Nifti1Image(t2w.get_fdata(dtype=np.float32), motion @ t2w.affine)
    found = register_rigid(moved, swi, sloppy=sloppy)
    points = np.array([[0, 0, 0], [60, 0, 0], [0, -80, 20], [-30, 20, 60]], float)
    back = nib.affines.apply_affine(found.matrix @ motion, points)
    assert np.abs(back - points).max() < 1.5
    assert found.mutual_information > found.candidates['scanner'] * 1.2
    assert not found.mismatch


@pytest.mark.slow
def test_images_far_apart_meet_by_their_centres(heads):
    t2w, swi = heads
    motion = np.eye(4)
    motion[:3, 3] = 150, 0, -200
    moved = nib.Nifti1Image(t2w.get_fdata(dtype=np.float32), motion @ t2w.affine)
    found = register_rigid(moved, swi)
    assert np.abs((found.matrix @ motion)[:3, 3]).max() < 2


@pytest.mark.slow
@pytest.mark.parametrize('sloppy', [False, True])
def test_another_head_is_refused(heads, sloppy):
    t2w, swi = heads
    stretch = np.diag([1.2, 0.85, 1.0, 1])
    other = nib.Nifti1Image(t2w.get_fdata(dtype=np.float32), stretch @ t2w.affine)
    found = register_rigid(other, swi, sloppy=sloppy)
    assert 'do not seem to show one head' in found.mismatch


@pytest.mark.shared
@pytest.mark.slow
def test_real_images_of_one_session(shared):
    folder = shared / 'real_bids/sub-01/anat'
    t2w, swi = (nib.load(folder / f'sub-01_{suffix}.nii.gz') for suffix in ('T2w', 'T2starw'))
    found = register_rigid(t2w, swi)
    assert np.abs(found.matrix - np.eye(4)).max() < 1.5  # mm: the scanner's coordinates are good
    assert found.mutual_information > 0.5


@pytest.mark.shared
@pytest.mark.slow
def test_real_images_of_two_heads(shared):
    swi = nib.load(shared / 'real_bids/sub-01/anat/sub-01_T2starw.nii.gz')
    other = nib.load(shared / 'real_extra/hcp_t2_template/MNI152_T2_2mm.nii.gz')
    assert register_rigid(other, swi).mismatch
