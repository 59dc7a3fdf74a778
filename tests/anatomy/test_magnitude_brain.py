"""A brain mask that goes from the SWI onto a magnitude of the same head."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.builtin_head import contrast_image, grow_head, tissue_maps
from deepmir_bids.anatomy.magnitude_brain import brain_of_magnitude
from deepmir_bids.errors import InputError


@pytest.fixture(scope='module')
def swi():
    return contrast_image(grow_head(tissue_maps(4)), 'swi')


@pytest.fixture
def brain(swi):
    """A ball within the head, off its middle."""
    points = np.moveaxis(np.indices(swi.shape), 0, -1)
    middle = np.asarray(swi.shape) * (0.5, 0.6, 0.55)
    ball = np.linalg.norm(points - middle, axis=-1) < 12
    return nib.Nifti1Image(ball.astype(np.uint8), swi.affine)


@pytest.mark.slow
def test_the_mask_moves_with_the_head(swi, brain):
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler('xyz', [3, -4, 6], degrees=True).as_matrix()
    motion[:3, 3] = 10, -6, 14
    magnitude = nib.Nifti1Image(swi.get_fdata(dtype=np.float32) ** 0.8, motion @ swi.affine)
    moved = brain_of_magnitude(brain, swi, magnitude)
    ball = np.asarray(brain.dataobj) > 0
    assert 2 * (moved & ball).sum() / (moved.sum() + ball.sum()) > 0.95


@pytest.mark.slow
def test_another_head_has_no_brain_of_this_one(swi, brain):
    stretch = np.diag([1.2, 0.85, 1.0, 1])
    magnitude = nib.Nifti1Image(swi.get_fdata(dtype=np.float32), stretch @ swi.affine)
    with pytest.raises(InputError, match='magnitude and SWI do not fit'):
        brain_of_magnitude(brain, swi, magnitude)
