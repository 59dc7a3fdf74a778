"""Images on another grid."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_opening

from deepmir_bids.imaging.read_image import same_grid
from deepmir_bids.imaging.resampling import measured_voxels, resample, resample_to_image


def image_of(values, zooms=(1, 1, 1), origin=(0, 0, 0)):
    affine = np.diag([*zooms, 1.0])
    affine[:3, 3] = origin
    return nib.Nifti1Image(np.asarray(values, dtype=np.float32), affine)


@pytest.fixture
def masked_qsm():
    """A map of 0.1 ppm inside a mask, 0 outside it."""
    values = np.zeros((12, 12, 12))
    values[3:9, 3:9, 3:9] = 0.1
    return image_of(values, (2, 2, 2))


def test_zeros_outside_a_mask_do_not_blend_into_its_rim(masked_qsm):
    fine = image_of(np.zeros((40, 40, 40)), (0.7, 0.7, 0.7), (-2, -2, -2))
    values = resample_to_image(masked_qsm, fine).get_fdata()
    inside = values != 0
    assert inside.any()
    np.testing.assert_allclose(values[inside], 0.1, rtol=1e-5)
    # The mask keeps its size: 6 voxels of 2 mm.
    volume = inside.sum() * 0.7**3
    assert volume == pytest.approx(12**3, rel=0.12)


def test_a_plane_is_kept_and_nothing_is_made_up_outside_the_field_of_view():
    x = np.arange(1, 21, dtype=float)
    plane = image_of(np.broadcast_to(x[:, None, None], (20, 20, 20)))
    grid = image_of(np.zeros((10, 10, 10)), (1.3, 1.3, 1.3), (12, 4, 4))
    values = resample_to_image(plane, grid).get_fdata()
    world = 12 + 1.3 * np.arange(10)
    inside = world <= 19
    np.testing.assert_allclose(values[inside, 5, 5], world[inside] + 1, atol=1e-5)
    assert not values[world > 19.5].any()


def test_a_coarser_grid_does_not_alias():
    stripes = np.broadcast_to((np.arange(32) % 2)[:, None, None], (32, 8, 8)) + 1.0
    coarse = image_of(np.zeros((8, 8, 8)), (4, 1, 1))
    values = resample_to_image(image_of(stripes), coarse).get_fdata()[1:-1]
    np.testing.assert_allclose(values, 1.5, atol=0.05)


def test_a_turned_grid_takes_the_steps_along_the_images_axes():
    quarter = np.array([[0.0, -3, 0], [1, 0, 0], [0, 0, 1]])
    stripes = np.broadcast_to((np.arange(30) % 2)[:, None, None], (30, 30, 4)) + 1.0
    values = resample(stripes, quarter, (28, 1, 0), (10, 9, 4))
    np.testing.assert_allclose(values[:, 1:-1], 1.5, atol=0.12)


def test_one_grid_is_left_alone(masked_qsm):
    assert resample_to_image(masked_qsm, masked_qsm) is masked_qsm


def test_a_lone_zero_is_a_value():
    values = np.ones((6, 6, 6))
    values[3, 3, 3] = 0
    values[0] = np.nan
    values[4:, 4:, 4:] = 0
    measured = measured_voxels(values)
    assert measured[3, 3, 3]
    assert not measured[0].any()
    assert not measured[5, 5, 5]


@pytest.mark.parametrize('seed', range(20))
def test_what_is_measured_is_an_opening_of_the_zeros(seed):
    rng = np.random.default_rng(seed)
    values = (rng.random(rng.integers(1, 9, 3)) < rng.uniform(0, 0.5)).astype(np.float32)
    zero = binary_opening(values == 0, np.ones((2, 2, 2)))
    np.testing.assert_array_equal(measured_voxels(values), ~zero)


def test_resampling_keeps_the_place_in_the_world():
    data = np.zeros((10, 10, 10), dtype=np.float32)
    data[4, 5, 6] = 1
    image = nib.Nifti1Image(data, np.diag([2, 2, 2, 1.0]))
    reference = nib.Nifti1Image(np.zeros((20, 20, 20)), np.diag([-1, 1, 1, 1.0]))
    reference.affine[0, 3] = 19
    moved = resample_to_image(image, reference)
    assert same_grid(moved, reference)
    where = np.argwhere(moved.get_fdata() > 0)
    world = nib.affines.apply_affine(reference.affine, where)
    assert np.abs(world - [8, 10, 12]).max() <= 1


def test_an_image_on_another_grid_has_both_forms_of_it(tmp_path, masked_qsm, apart_in_itk):
    reference = image_of(np.zeros((20, 20, 20)), (1.3, 1.3, 1.3), (12, 4, 4))
    reference.set_qform(reference.affine, code=1)
    reference.set_sform(reference.affine, code=1)
    moved = resample_to_image(masked_qsm, reference)
    assert [int(moved.header[f'{form}_code']) for form in ('qform', 'sform')] == [1, 1]
    nib.save(moved, tmp_path / 'a.nii')
    assert apart_in_itk(tmp_path / 'a.nii') < 0.01
