"""The registration to the template on a real head, and on what scanners make of a head."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to
from scipy import ndimage
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.affine_starts import LEAST_MI, RegistrationError
from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.anatomy.labels_on_swi import label_brain
from deepmir_bids.anatomy.template_choice import BUILTIN_ATLAS, find_anatomy
from deepmir_bids.anatomy.template_registration import register_template
from deepmir_bids.imaging.bias_field import correct_bias
from deepmir_bids.imaging.read_image import load_volume

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.fixture(scope='module')
def anatomy(tmp_path_factory):
    return find_anatomy(SPACE, BUILTIN_ATLAS, tmp_path_factory.mktemp('anatomy'))


@pytest.fixture(scope='module')
def real(shared):
    """T2w (TSE, bright scalp) and T2starw of one head, shading out."""
    folder = shared / 'real_bids/sub-01/anat'
    return {
        suffix: correct_bias(load_volume(folder / f'sub-01_{suffix}.nii.gz')[0])
        for suffix in ('T2w', 'T2starw')
    }


@pytest.fixture(scope='module')
def register(anatomy, tmp_path_factory):
    """Return a function that gives the brain mask of an image."""

    def mask_of(image: nib.Nifti1Image) -> nib.Nifti1Image:
        folder: Path = tmp_path_factory.mktemp('xfm')
        found = register_template(image, anatomy, folder)
        mask, _ = label_brain(image.shape, image.affine, anatomy, found.to_image)
        return nib.Nifti1Image(mask.astype(np.uint8), image.affine)

    return mask_of


@pytest.fixture(scope='module')
def whole(real, register):
    return register(real['T2w'])


def volume_ml(mask):
    return mask.get_fdata().sum() * abs(np.linalg.det(mask.affine[:3, :3])) / 1000


def dice(a, b):
    """Of two masks, the second being brought to the grid of the first."""
    first, second = a.get_fdata() > 0.5, resample_from_to(b, a, order=0).get_fdata() > 0.5
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def moved(image, seed):
    """Shift (to 10 mm) and turn (to 10 degrees) an image by its header."""
    rng = np.random.default_rng(seed)
    motion = np.eye(4)
    angles = rng.uniform(-10, 10, 3)
    motion[:3, :3] = Rotation.from_euler('xyz', angles, degrees=True).as_matrix()
    motion[:3, 3] = rng.uniform(-10, 10, 3)
    return nib.Nifti1Image(image.get_fdata(dtype=np.float32), motion @ image.affine)


def cut(image):
    """Leave out the lowest 55 mm: the field of view cuts the cerebellum."""
    n = round(55 / image.header.get_zooms()[2])
    return image.slicer[:, :, n:]


def like_epi(image, brain):
    """No skull (fat is suppressed), 2.5 mm voxels, stretched by up to 4 mm in one direction."""
    data = image.get_fdata(dtype=np.float32)
    inside = ndimage.binary_dilation(brain.get_fdata() > 0, iterations=3)
    data = np.where(inside, data, 0.1 * data)
    x, y, z = np.indices(data.shape, dtype=np.float32)
    zoom = image.header.get_zooms()[1]
    bulge = 4 / zoom * np.exp(-((y - 0.75 * data.shape[1]) ** 2) / (30 / zoom) ** 2)
    data = ndimage.map_coordinates(data, [x, y - bulge, z], order=1)
    coarse = nib.Nifti1Image(data, image.affine)
    affine = image.affine @ np.diag([*(2.5 / np.array(image.header.get_zooms()[:3])), 1])
    shape = [int(n * s / 2.5) for n, s in zip(data.shape, image.header.get_zooms(), strict=False)]
    return resample_from_to(coarse, (shape, affine), order=1)


def test_the_same_input_gives_the_same_mask(whole, real, register):
    """Nearly so: with several threads the order of sums varies; the app gives it one thread."""
    assert dice(register(real['T2w']), whole) > 0.99


@pytest.mark.parametrize('seed', range(5))
def test_shifts_and_turns_do_not_matter(whole, real, register, seed):
    image = moved(real['T2w'], seed)
    mask = register(image)
    assert volume_ml(mask) == pytest.approx(volume_ml(whole), rel=0.03)
    back = nib.Nifti1Image(np.asarray(mask.dataobj), real['T2w'].affine)
    assert dice(back, whole) > 0.97


def test_a_field_of_view_that_cuts_the_cerebellum(whole, real, register):
    image = cut(real['T2w'])
    assert dice(register(image), whole) > 0.95


def test_an_epi_like_t2w(whole, real, register):
    mask = register(like_epi(real['T2w'], whole))
    assert dice(mask, whole) > 0.93
    assert volume_ml(mask) == pytest.approx(volume_ml(whole), rel=0.08)


def test_the_t2starw_alone(whole, real, register):
    assert dice(register(real['T2starw']), whole) > 0.93


def test_an_average_of_many_heads(shared, register):
    image, _ = load_volume(shared / 'real_extra/hcp_t2_template/MNI152_T2_2mm.nii.gz')
    mask = register(correct_bias(image))
    assert 1500 < volume_ml(mask) < 2100  # of the template that it was averaged in


@pytest.fixture(scope='module')
def flat(real, whole):
    """The T2starw with little contrast left within the brain, as an early echo has it."""
    image = real['T2starw']
    brain = resample_from_to(whole, image, order=0).get_fdata() > 0
    array = image.get_fdata(dtype=np.float32)
    inside = array[brain]
    noise = np.random.default_rng(0).normal(0, 0.1 * inside.mean(), inside.shape)
    array[brain] = inside.mean() + 0.08 * (inside - inside.mean()) + noise
    return nib.Nifti1Image(np.maximum(array, 0), image.affine)


def test_a_head_of_little_contrast_registers_by_its_outline(flat, whole, anatomy, tmp_path):
    found = register_template(flat, anatomy, tmp_path)
    assert found.mutual_information < LEAST_MI  # it would not do alone
    mask, _ = label_brain(flat.shape, flat.affine, anatomy, found.to_image)
    assert dice(nib.Nifti1Image(mask.astype(np.uint8), flat.affine), whole) > 0.93


@pytest.mark.parametrize('axis', [1, 2], ids=['back to front', 'upside down'])
def test_a_head_that_is_turned_is_refused(flat, anatomy, tmp_path, axis):
    array = np.flip(flat.get_fdata(dtype=np.float32), axis)
    with pytest.raises(RegistrationError, match='outline of the brain'):
        register_template(nib.Nifti1Image(array, flat.affine), anatomy, tmp_path)
