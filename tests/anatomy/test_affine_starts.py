"""What affine starts are scored with."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from deepmir_bids.anatomy import affine_starts
from deepmir_bids.anatomy.affine_starts import (
    AffineCandidate,
    affines_to_template,
    clip_intensity,
    mutual_information,
    resample_to_spacing,
)
from deepmir_bids.anatomy.ants_images import to_ants


def test_mutual_information_knows_a_relation_from_none():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 20, 20, 20))
    mask = np.ones(a.shape, bool)
    assert mutual_information(a, 1 - a**2, mask) > 1
    assert mutual_information(a, b, mask) < 0.1
    assert mutual_information(a, np.zeros_like(a), mask) == pytest.approx(0)


def test_clipping_tames_the_brightest_and_nan():
    rng = np.random.default_rng(0)
    array = rng.random((20, 20, 20)) + 1
    array[0, 0, 0], array[0, 0, 1] = 1e6, np.nan
    clipped = clip_intensity(array)
    assert np.isfinite(clipped).all()
    assert clipped.min() == 0


def test_spacing_changes_and_place_does_not():
    array = np.zeros((30, 40, 20), np.float32)
    array[10:20, 10:30, 5:15] = 1
    affine = np.diag([-1.0, 1, 2, 1])
    coarse = resample_to_spacing(to_ants(array, affine), 4.0)
    np.testing.assert_allclose(coarse.spacing, 4)
    before, after = to_ants(array, affine).get_center_of_mass(), coarse.get_center_of_mass()
    np.testing.assert_allclose(before, after, atol=0.5)


def test_a_collapsed_brain_is_not_plausible():
    assert AffineCandidate('', '', 0.2, 0.5, 1500).sound
    assert not AffineCandidate('', '', 0.2, 0.5, 640).recognised
    assert not AffineCandidate('', '', 0.2, 0.5, 2700).recognised


@pytest.mark.parametrize(
    ('inside', 'outline', 'recognised'),
    [(0.12, 0.1, True), (0.06, 0.42, True), (0.09, 0.29, False), (0.02, 0.5, False)],
)
def test_where_contrast_is_low_the_outline_tells(inside, outline, recognised):
    assert AffineCandidate('', '', inside, outline, 1500).recognised == recognised


@pytest.fixture
def head(tmp_path):
    """A textured cube of the size of a brain, its mask, and its file."""
    rng = np.random.default_rng(0)
    mask = np.zeros((44, 44, 44), np.float32)
    mask[7:37, 7:37, 7:37] = 1
    array = (mask * ndimage.gaussian_filter(rng.random(mask.shape), 1)).astype(np.float32)
    affine = np.diag([4.0, 4, 4, 1])
    path = tmp_path / 'head.nii.gz'
    nib.save(nib.Nifti1Image(array, affine), path)
    return to_ants(array, affine), to_ants(mask, affine), path


@pytest.mark.parametrize(
    ('shifts', 'tried'),
    [
        ([0, 0, 0], ['first, refined', 'first']),
        ([90, 0, 0], ['second, refined', 'second', 'first']),
        ([90, 80, 60], None),
    ],
)
def test_starts_are_tried_until_one_is_sound(monkeypatch, tmp_path, head, shifts, tried):
    import ants

    image, mask, path = head
    wanted = iter(shifts)

    def shifted(kind, fixed, moving, iterations, sampling, folder, initial=None, *_, **__):
        """In place of a registration: the next start, or where a start went."""
        if initial:
            return initial
        shift = next(wanted)
        transform = ants.new_ants_transform(dimension=3, transform_type='AffineTransform')
        transform.set_parameters([*np.eye(3).ravel(), shift, 0, 0])
        file = str(tmp_path / f'{shift}.mat')
        ants.write_transform(transform, file)
        return file

    monkeypatch.setattr(affine_starts, 'register_linear', shifted)
    fixed = dict.fromkeys(('first', 'second', 'third'), path)
    candidates = affines_to_template(image, fixed, image, mask, tmp_path)
    names = [one.start for one in candidates]
    if tried:
        assert names == tried
        assert candidates[0].mutual_information > affine_starts.SOUND_MI
    else:
        # All went wrong, so the best two have a second chance.
        assert len(names) == 5
        assert candidates[0].mutual_information < affine_starts.SOUND_MI
