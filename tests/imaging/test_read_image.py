"""What a volume must be before anything is computed from it."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.read_image import dilate, load_volume

RNG = np.random.default_rng(0)
VALUES = RNG.normal(100, 10, (8, 9, 10)).astype(np.float32)


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


def turned(degrees: float) -> np.ndarray:
    """Affine of a field of view of 16 cm, turned about two axes."""
    one, other = np.eye(4), np.eye(4)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    one[:2, :2] = other[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    affine = one @ other @ np.diag([-20, 18, 16, 1.0])
    affine[:3, 3] = [70, -60, -50]
    return affine


SHEARED = turned(12) @ np.array([[1, 0.009, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ('sform', 'qform', 'codes'),
    [
        (turned(12), turned(12), (1, 2)),
        (turned(12), turned(12), (4, 1)),
        (turned(12), np.diag([20, 18, 16, 1.0]), (0, 1)),
        (np.diag([20, 18, 16, 1.0]), turned(12), (1, 0)),
        (turned(12), turned(42), (1, 1)),
        (turned(12) @ np.diag([-1, 1, 1, 1]), turned(12), (1, 2)),
        (SHEARED, turned(12), (1, 1)),
        (SHEARED, turned(12), (0, 1)),
    ],
    ids=['codes 1 2', 'codes 4 1', 'sform', 'qform', 'turned', 'flipped', 'shear', 'shear alone'],
)
def test_itk_sees_what_is_written_where_nibabel_sees_it(
    tmp_path, block, apart_in_itk, sform, qform, codes
):
    image = nib.Nifti1Image(block.astype(np.float32), None)
    image.set_qform(qform, codes[0])
    image.set_sform(sform, codes[1])
    nib.save(image, tmp_path / 'a.nii')
    read, _ = load_volume(tmp_path / 'a.nii')
    nib.save(read, tmp_path / 'b.nii')
    assert apart_in_itk(tmp_path / 'b.nii') < 0.01


def test_a_slight_shear_is_straightened_around_the_centre_with_a_note(tmp_path, block):
    image, notes = load_volume(write(tmp_path / 'a.nii', block, sform=SHEARED, codes=(0, 1)))
    centre = (np.array(block.shape) - 1) / 2
    np.testing.assert_allclose(
        nib.affines.apply_affine(image.affine, centre),
        nib.affines.apply_affine(SHEARED, centre),
        atol=0.004,
    )
    assert notes[0].startswith('a.nii: the axes are not quite at right angles')
    plain, notes = load_volume(write(tmp_path / 'b.nii', block, turned(12), codes=(0, 1)))
    canonical = turned(12) @ nib.orientations.inv_ornt_aff([[0, -1], [1, 1], [2, 1]], block.shape)
    np.testing.assert_allclose(plain.affine, canonical, atol=0.01)
    assert not notes


@pytest.mark.parametrize(
    ('make', 'cure'),
    [
        (lambda p: p.symlink_to('../.git/annex/objects/x.nii.gz'), 'datalad get'),
        (lambda p: p.symlink_to('elsewhere.nii.gz'), 'restore what it points to'),
        (lambda p: p.write_text('/annex/objects/MD5E-s1--0.nii.gz\n'), 'datalad get'),
        (lambda p: p.write_text('version https://git-lfs.github.com/spec/v1\n'), 'git lfs pull'),
        (lambda p: p.write_bytes(nib.Nifti1Image(VALUES, np.eye(4)).to_bytes()), 'rename it to'),
    ],
)
def test_a_file_that_is_not_there_or_misnamed_has_its_cure(tmp_path, make, cure):
    path = tmp_path / 'sub-01_swi.nii.gz'
    make(path)
    with pytest.raises(InputError, match=cure):
        load_volume(path)


def test_a_compressed_file_that_does_not_say_so(tmp_path):
    path = tmp_path / 'sub-01_swi.nii'
    nib.save(nib.Nifti1Image(VALUES, np.eye(4)), tmp_path / 'a.nii.gz')
    (tmp_path / 'a.nii.gz').rename(path)
    with pytest.raises(InputError, match=r'rename it to sub-01_swi.nii.gz'):
        load_volume(path)


def test_complex_numbers_become_their_magnitude(tmp_path):
    path = tmp_path / 'sub-01_swi.nii'
    nib.save(nib.Nifti1Image((VALUES * (0.6 + 0.8j)).astype(np.complex64), np.eye(4)), path)
    image, notes = load_volume(path)
    np.testing.assert_allclose(image.get_fdata(), VALUES, rtol=1e-5)
    assert 'magnitude' in notes[0]


@pytest.mark.parametrize(('unit', 'per_mm'), [('micron', 1000), ('meter', 0.001), ('mm', 1)])
def test_a_header_in_another_unit_is_read_as_it_says(tmp_path, unit, per_mm):
    path = tmp_path / 'sub-01_swi.nii'
    image = nib.Nifti1Image(VALUES, np.diag([0.45 * per_mm, 0.45 * per_mm, 2 * per_mm, 1]))
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    read, notes = load_volume(path)
    np.testing.assert_allclose(nib.affines.voxel_sizes(read.affine), [0.45, 0.45, 2], rtol=1e-5)
    assert notes == []


@pytest.mark.parametrize(
    ('start', 'value', 'why'),
    [
        (70, b'\x00\x10', 'data code 4096 not recognized'),
        (42, b'\x00\x80', 'what its header says'),
        (256, np.float32(1e20).tobytes(), 'what its header says'),
    ],
)
def test_a_damaged_header_costs_the_image_alone(tmp_path, start, value, why):
    path = write(tmp_path / 'sub-01_swi.nii', VALUES)
    content = bytearray(path.read_bytes())
    content[start : start + len(value)] = value
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        load_volume(path)


def test_a_stack_of_magnitude_and_phase_is_named(tmp_path):
    path = tmp_path / 'sub-01_swi.nii'
    both = np.stack([VALUES, VALUES / VALUES.max() * 6 - 3], -1)
    nib.save(nib.Nifti1Image(both, np.eye(4)), path)
    with pytest.raises(InputError, match='magnitude and a phase'):
        load_volume(path)


@pytest.mark.parametrize('radius_mm', [0.5, 1.5, 2, 6])
@pytest.mark.parametrize('zooms', [(0.5, 0.5, 0.5), (0.9375, 0.9375, 2), (1, 1, 9)])
def test_a_mask_is_widened_by_a_distance(zooms, radius_mm):
    mask = np.zeros((15, 16, 9), dtype=bool)
    mask[tuple(RNG.integers(0, mask.shape, (4, 3)).T)] = True
    near = distance_transform_edt(~mask, sampling=zooms) <= radius_mm
    np.testing.assert_array_equal(dilate(mask, np.diag([*zooms, 1]), radius_mm), near)
    assert not dilate(np.zeros_like(mask), np.diag([*zooms, 1]), radius_mm).any()
