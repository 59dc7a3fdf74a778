"""Faults of susceptibility maps are taken out, and lesions stay."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.qsm_faults import load_chi, mend_chi
from deepmir_bids.interfaces.imaging import LoadVolume

RNG = np.random.default_rng(1)
SHAPE, ZOOMS = (60, 60, 40), (1.0, 1.0, 2.0)


@pytest.fixture
def chi() -> np.ndarray:
    """A ball of smooth tissue of .025 ppm with a dozen microbleeds of 1 ppm, 3 voxels across."""
    values = gaussian_filter(RNG.normal(size=SHAPE), (2, 2, 1))
    values *= 0.025 / values.std()
    for k in range(12):
        values[20 + k : 23 + k, 28:31, 10 + k] += 1.0
    away = np.linalg.norm(
        [(i - n / 2) / (0.45 * n) for i, n in zip(np.indices(SHAPE), SHAPE, strict=True)], axis=0
    )
    return np.where(away < 1, values, 0).astype(np.float32)


def test_a_sound_map_stays_as_it_is(chi):
    mended = mend_chi(chi, ZOOMS)
    assert mended.notes == ()
    np.testing.assert_array_equal(mended.chi, chi)


@pytest.mark.parametrize('unit', [1.0, -1000.0])
def test_dots_go_and_microbleeds_stay(chi, unit):
    inside = np.flatnonzero(chi)
    dots = RNG.choice(inside, len(inside) // 1000, replace=False)
    spoilt = chi.copy()
    spoilt.flat[dots] = RNG.choice([-1, 1], len(dots))
    mended = mend_chi(spoilt * unit, ZOOMS)
    assert mended.flags == ('qsm_dots',)
    left = np.abs(mended.chi.flat[dots] / unit) > 0.5
    assert left.mean() < 0.1
    kept = np.setdiff1d(np.flatnonzero(chi > 0.5), dots)
    np.testing.assert_allclose(mended.chi.flat[kept], chi.flat[kept] * unit, rtol=1e-5)


def test_a_bad_rim_counts_as_not_measured(chi):
    depth = distance_transform_edt(chi != 0, sampling=ZOOMS)
    rim = (depth > 0) & (depth <= 3)
    spoilt = np.where(rim, 0.3 * np.sign(gaussian_filter(RNG.normal(size=SHAPE), 2)), chi)
    mended = mend_chi(spoilt.astype(np.float32), ZOOMS)
    assert 'qsm_rim' in mended.flags
    assert (mended.chi[rim] == 0).all()
    inside = depth > 5
    np.testing.assert_array_equal(mended.chi[inside], spoilt[inside].astype(np.float32))


@pytest.mark.parametrize('made', [False, True])
def test_a_map_that_deepmir_made_is_left_alone(chi, tmp_path, monkeypatch, made):
    spoilt = chi.copy()
    spoilt[::7, ::7, ::7] *= 1000
    nib.save(nib.Nifti1Image(spoilt, np.diag((*ZOOMS, 1))), tmp_path / 'chi.nii.gz')
    monkeypatch.chdir(tmp_path)
    loaded = LoadVolume(in_file=str(tmp_path / 'chi.nii.gz'), role='QSM', made=made).run().outputs
    same = np.array_equal(nib.load(loaded.out_file).get_fdata(dtype=np.float32), spoilt)
    assert (same, loaded.flags) == ((True, []) if made else (False, ['qsm_dots']))


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_signs_in_turn_are_beyond_use(chi, tmp_path, axis):
    spoilt = np.moveaxis(chi.copy(), axis, 0)
    spoilt[::2] *= -1
    path = tmp_path / 'sub-01_Chimap.nii'
    nib.save(nib.Nifti1Image(np.moveaxis(spoilt, 0, axis), np.diag([*ZOOMS, 1])), path)
    with pytest.raises(InputError, match='every other slice'):
        load_chi(path)


@pytest.mark.shared
def test_a_real_map_is_sound(shared):
    path = shared / 'real_bids/derivatives/qsm/sub-01/anat/sub-01_Chimap.nii.gz'
    image, notes, flags = load_chi(path)
    assert (notes, flags) == ([], [])
    np.testing.assert_array_equal(image.get_fdata(), nib.load(path).get_fdata(dtype=np.float32))
