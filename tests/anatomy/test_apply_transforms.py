"""Images and points through one transform: they must agree, on any grid."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.ants_images import LPS, load_ants, read_linear
from deepmir_bids.anatomy.apply_transforms import apply_transform, points_to_template

#: Points of the subject to points of the template.
MATRIX = np.eye(4)
MATRIX[:3, :3] = Rotation.from_euler('xyz', [8, -5, 12], degrees=True).as_matrix() * 1.1
MATRIX[:3, 3] = 7, -4, 11


def _oblique():
    affine = np.eye(4)
    turn = Rotation.from_euler('xyz', [20, -10, 5], degrees=True).as_matrix()
    affine[:3, :3] = turn * [1.5, 1.5, 3]
    affine[:3, 3] = affine[:3, :3] @ [-30, -30, -15]
    return affine


def _lpi():
    affine = np.diag([-2.0, -2.0, -2.0, 1])
    affine[:3, 3] = 50, 50, 50
    return affine


GRIDS = {'oblique': ((60, 60, 30), _oblique()), 'LPI': ((50, 50, 50), _lpi())}


@pytest.fixture
def transform(tmp_path):
    ants = load_ants()
    lps = LPS @ MATRIX @ LPS
    itk = ants.create_ants_transform(
        'AffineTransform', dimension=3, matrix=lps[:3, :3], translation=lps[:3, 3]
    )
    ants.write_transform(itk, str(tmp_path / 'to_image.mat'))
    return tmp_path / 'to_image.mat'


def test_matrix_is_read_back(transform):
    np.testing.assert_allclose(read_linear(transform), MATRIX, atol=1e-6)


@pytest.mark.parametrize('grid', list(GRIDS))
def test_a_blob_lands_where_its_point_does(transform, grid):
    place = np.array([6.0, -9.0, 4.0])
    x, y, z = np.mgrid[-40:41, -40:41, -40:41]
    blob = np.exp(-((x - 6) ** 2 + (y + 9) ** 2 + (z - 4) ** 2) / 30)
    affine = np.eye(4)
    affine[:3, 3] = -40
    shape, world = GRIDS[grid]
    resampled = apply_transform(
        nib.Nifti1Image(blob.astype(np.float32), affine), transform, shape, world
    )
    voxels = np.stack(np.mgrid[tuple(slice(n) for n in shape)], -1)
    centre = np.average(voxels.reshape(-1, 3), axis=0, weights=resampled.ravel())
    subject = nib.affines.apply_affine(world, centre)
    np.testing.assert_allclose(points_to_template(subject, transform)[0], place, atol=0.2)


def test_no_points_are_no_error(transform):
    assert points_to_template(np.empty((0, 3)), transform).shape == (0, 3)


def test_labels_stay_labels_and_outside_is_zero():
    image = nib.Nifti1Image(np.full((4, 4, 4), 7, np.float32), np.eye(4))
    resampled = apply_transform(image, None, (8, 8, 8), np.diag([0.7, 0.7, 0.7, 1]), 'nearest')
    assert set(np.unique(resampled)) == {0, 7}
