"""What a volume must be before anything is computed from it."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.read_image import load_volume

RNG = np.random.default_rng(0)


def write(path, data, affine=None, sform=None, codes=(1, 1)):
    affine = np.eye(4) if affine is None else affine
    image = nib.Nifti1Image(np.asarray(data, dtype=np.float32), affine)
    image.set_qform(affine, codes[0])
    image.set_sform(affine if sform is None else sform, codes[1])
    nib.save(image, path)
    return path


@pytest.fixture
def block():
    return RNG.normal(100, 10, (8, 9, 10))


def test_a_good_volume_passes_untouched(tmp_path, block):
    image, notes = load_volume(write(tmp_path / 'a.nii.gz', block))
    np.testing.assert_allclose(image.get_fdata(), block, rtol=1e-6)
    assert notes == []


def test_a_single_volume_in_4d_is_3d(tmp_path, block):
    image, _ = load_volume(write(tmp_path / 'a.nii.gz', block[..., None]))
    assert image.shape == (8, 9, 10)


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda d: np.stack([d, d], axis=-1), '8×9×10×2 where one 3D volume'),
        (np.zeros_like, r'single value \(0\)'),
        (lambda d: np.full_like(d, 7), r'single value \(7\)'),
        (lambda d: np.where(d < 1000, np.nan, d), 'NaN or infinite in 100%'),
    ],
)
def test_useless_values_are_errors_that_name_the_file(tmp_path, block, change, says):
    path = write(tmp_path / 'sub-01_swi.nii.gz', change(block))
    with pytest.raises(InputError, match=says) as error:
        load_volume(path)
    assert str(path) in str(error.value)


def test_some_nan_and_inf_become_zero_with_a_note(tmp_path, block):
    block[0, 0, 0], block[1, 1, 1] = np.nan, np.inf
    image, notes = load_volume(write(tmp_path / 'a.nii.gz', block))
    assert image.get_fdata()[1, 1, 1] == 0
    assert notes == ['a.nii.gz: 2 NaN or infinite voxels were set to 0.']


def test_a_file_cut_short_is_an_error(tmp_path, block):
    path = write(tmp_path / 'a.nii.gz', block)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match='cut short or damaged'):
        load_volume(path)


def test_a_header_that_lies_is_an_error(tmp_path, block):
    path = write(tmp_path / 'a.nii', block)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match='what its header says'):
        load_volume(path)


def test_no_orientation_is_an_error_and_two_are_a_note(tmp_path, block):
    with pytest.raises(InputError, match='neither qform nor sform'):
        load_volume(write(tmp_path / 'a.nii.gz', block, codes=(0, 0)))
    moved = np.eye(4)
    moved[0, 3] = 5
    image, notes = load_volume(write(tmp_path / 'b.nii.gz', block, sform=moved))
    assert 'differ by up to 5.0 mm' in notes[0]
    np.testing.assert_array_equal(image.affine, moved)
    np.testing.assert_array_equal(image.get_qform(), moved)


def test_a_sheared_affine_is_an_error(tmp_path, block):
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    with pytest.raises(InputError, match='sheared'):
        load_volume(write(tmp_path / 'a.nii.gz', block, sform=sheared, codes=(0, 1)))
