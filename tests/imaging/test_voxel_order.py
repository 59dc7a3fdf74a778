"""How an image is stored is no property of what it shows."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec
from scipy.spatial.transform import Rotation

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.load_input import ROLES, load_input
from deepmir_bids.imaging.read_image import load_volume, own_affine, read_on_grid
from deepmir_bids.imaging.voxel_order import CORNER_TOLERANCE_MM, on_own_grid
from deepmir_bids.simulation.simulated_subject import reorient

#: Orders of voxels, and which of the header's forms say so.
STORED = [('RAS', 'qform'), ('LAS', 'both'), ('LPI', 'sform'), ('PSR', 'qform')]
#: As headers have them: of a table that lies straight, and of one that is turned.
PLAIN = from_matvec(np.diag([0.6, 0.6, 1.1]), (-7.123, 8.456, -61.7))
OBLIQUE = from_matvec(
    Rotation.from_euler('xyz', [20, -13, 34], degrees=True).as_matrix() @ np.diag([0.6, 0.6, 1.1]),
    (-91.123, 103.456, -61.7),
)


@pytest.fixture
def write(tmp_path):
    """Return a function that stores one head in some order, with one of the header's forms."""
    rng = np.random.default_rng(1)
    values = np.zeros((21, 24, 18), dtype=np.float32)
    values[3:-3, 3:-3, 3:-3] = rng.normal(100, 10, (15, 18, 12))

    def store(order: str, affine: np.ndarray, form: str = 'both'):
        turned = reorient(nib.Nifti1Image(values, affine), order)
        image = nib.Nifti1Image(np.asarray(turned.dataobj), turned.affine)
        image.set_qform(turned.affine, 0 if form == 'sform' else 1)
        image.set_sform(turned.affine, 0 if form == 'qform' else 1)
        nib.save(image, tmp_path / f'{order}-{form}.nii.gz')
        return tmp_path / f'{order}-{form}.nii.gz'

    return store


@pytest.mark.parametrize('affine', [PLAIN, OBLIQUE], ids=['plain', 'oblique'])
@pytest.mark.parametrize(('order', 'form'), STORED)
@pytest.mark.parametrize('role', ROLES.values())
def test_it_is_read_the_same_bit_for_bit(write, role, order, form, affine):
    expected, _, _ = load_input(role, write('RAS', affine))
    found, _, _ = load_input(role, write(order, affine, form))
    assert found.to_bytes() == expected.to_bytes()
    np.testing.assert_array_equal(found.affine, expected.affine)
    assert found.dataobj.strides == expected.dataobj.strides  # sums go along the memory
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in found.shape])).reshape(3, -1).T
    apart = apply_affine(found.affine, corners) - apply_affine(affine, corners)
    assert np.linalg.norm(apart, axis=1).max() < CORNER_TOLERANCE_MM


@pytest.mark.parametrize('affine', [PLAIN, OBLIQUE], ids=['plain', 'oblique'])
@pytest.mark.parametrize(('order', 'form'), STORED)
def test_a_result_goes_back_to_the_order_and_affine_of_its_file(write, order, form, affine):
    path = write(order, affine, form)
    stored, (read, _) = nib.load(path), load_volume(path)
    result = on_own_grid(
        nib.Nifti1Image(read.get_fdata().astype(np.int16), read.affine), own_affine(path)
    )
    np.testing.assert_array_equal(result.get_fdata(), stored.get_fdata().astype(np.int16))
    np.testing.assert_array_equal(result.get_sform(), stored.affine.astype(np.float32))
    assert result.get_data_dtype() == np.int16
    assert result.header['qform_code'] == result.header['sform_code'] == 1


def test_an_image_is_on_a_grid_in_whatever_order(write):
    reference = nib.load(write('RAS', OBLIQUE))
    values = read_on_grid(write('PSR', OBLIQUE), reference)
    np.testing.assert_array_equal(values, reference.get_fdata())
    beside = OBLIQUE @ from_matvec(np.eye(3), (0, 0, 1))
    with pytest.raises(InputError, match='not on the grid'):
        read_on_grid(write('PSR', beside), reference)
