"""A whole simulated subject."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from threadpoolctl import threadpool_limits

from deepmir_bids import CLASSES
from deepmir_bids.simulation.acquisition import SLOPPY, random_acquisition
from deepmir_bids.simulation.gradient_echo import receive, zero_fill
from deepmir_bids.simulation.simulated_subject import reorient, simulate_subject
from deepmir_bids.simulation.tissue_properties import nucleus_susceptibility

IMAGES = ('swi', 'qsm', 't2w', 'brain_mask', 'truth', 'lesion_numbers')


def test_images_share_the_swi_grid(sloppy):
    assert nib.aff2axcodes(sloppy.swi.affine) == ('L', 'P', 'I')
    for name in ('qsm', 'brain_mask', 'truth', 'lesion_numbers'):
        image = getattr(sloppy, name)
        assert image.shape == sloppy.swi.shape
        np.testing.assert_array_equal(image.affine, sloppy.swi.affine)
    for name in IMAGES:
        assert np.isfinite(getattr(sloppy, name).get_fdata()).all()


def test_head_has_a_plausible_size(sloppy):
    litres = sloppy.brain_mask.get_fdata().sum() * np.prod(sloppy.swi.header.get_zooms()) / 1e6
    assert 1.0 < litres < 2.0


def test_qsm_is_zero_mean_ppm_within_its_own_mask(sloppy):
    qsm, brain = sloppy.qsm.get_fdata(), sloppy.brain_mask.get_fdata() > 0
    assert not qsm[~brain].any()
    assert (qsm[brain] == 0).mean() > 0.02
    assert qsm[qsm != 0].mean() == pytest.approx(0, abs=1e-4)
    assert 0.02 < qsm[qsm != 0].std() < 0.2


def test_lesions_lie_where_the_table_says(sloppy):
    numbers, truth = sloppy.lesion_numbers.get_fdata(), sloppy.truth.get_fdata()
    seen = sloppy.lesions[sloppy.lesions['visible']]
    assert set(seen['class']) == {'CMB', 'iron'}
    np.testing.assert_array_equal(truth > 0, numbers > 0)
    for i, row in seen.iterrows():
        voxels = np.argwhere(numbers == i + 1)
        world = nib.affines.apply_affine(sloppy.swi.affine, voxels)
        distance = np.linalg.norm(world - [row['x'], row['y'], row['z']], axis=1)
        assert distance.min() < max(2.5, row['source_diameter_mm'] / 2)
        assert distance.max() < 3 + 1.3 * row['source_diameter_mm']
        assert (truth[numbers == i + 1] == CLASSES[row['class']]).all()


def test_lesions_are_dark(sloppy):
    swi, truth = sloppy.swi.get_fdata(), sloppy.truth.get_fdata() > 0
    ring = ndimage.binary_dilation(truth, iterations=3) & ~ndimage.binary_dilation(truth)
    assert np.median(swi[truth]) < 0.7 * np.median(swi[ring])


def test_there_are_mimics(sloppy):
    kinds = sloppy.mimics['class'].value_counts()
    assert kinds['vein'] > 500
    assert kinds['calcification'] > 0
    assert (sloppy.mimics.loc[sloppy.mimics['class'] == 'calcification', 'chi_ppm'] < 0).all()


def test_t2w_agrees_with_the_swi_after_its_motion(sloppy):
    """Moved onto the SWI, the T2w's dark skull lies around the SWI's brain."""
    from nibabel.processing import resample_from_to

    moved = nib.Nifti1Image(sloppy.t2w.get_fdata(), sloppy.t2w_to_swi @ sloppy.t2w.affine)
    t2w = resample_from_to(moved, sloppy.swi, order=1).get_fdata()
    brain = ndimage.binary_erosion(sloppy.brain_mask.get_fdata() > 0, iterations=3)
    depth = ndimage.distance_transform_edt(sloppy.brain_mask.get_fdata() == 0)
    skull = (depth > 2) & (depth < 3.2)
    assert np.median(t2w[skull]) < 0.5 * np.median(t2w[brain])


@pytest.mark.slow
def test_same_seed_same_images_with_echoes_and_however_many_threads(sloppy, simulate_sloppy):
    # Two threads add up otherwise than one, and the pool is told so even on a single core.
    with threadpool_limits(limits=2, user_api='blas'):
        again = simulate_sloppy(echoes=2)
    for name in IMAGES:
        a, b = (np.asarray(getattr(s, name).dataobj) for s in (sloppy, again))
        assert a.tobytes() == b.tobytes()
    assert sloppy.lesions.equals(again.lesions)
    assert list(again.echoes) == [0.012, 0.024]
    for image in (*again.echoes.values(), again.chi):
        assert image.shape == sloppy.swi.shape
        np.testing.assert_array_equal(image.affine, sloppy.swi.affine)


class OutlineReached(Exception):
    """The simulation has come to its outlines."""


def test_outlines_get_the_noise_that_is_left_in_the_swi(monkeypatch):
    """Zero-filling takes the noise of the outer k-space away."""
    module = 'deepmir_bids.simulation.simulated_subject'
    received, passed = [], []

    def keep_noise(*args):
        sensitivity, noise = receive(*args)
        received.append(noise)
        return sensitivity, noise

    def keep_deviation(swi, swi_without, noise, *others):
        passed.append(noise)
        raise OutlineReached

    monkeypatch.setattr(f'{module}.receive', keep_noise)
    monkeypatch.setattr(f'{module}.outline', keep_deviation)
    with pytest.raises(OutlineReached):
        simulate_subject(3, replace(SLOPPY, sampled_share=0.7))
    assert passed[0] == pytest.approx(zero_fill(received[0], 0.7).real.std(), rel=0.01)


def test_reorient_keeps_the_world():
    image = nib.Nifti1Image(np.arange(24.0).reshape(2, 3, 4), np.diag([1, 2, 3, 1]))
    turned = reorient(image, 'LPI')
    assert nib.aff2axcodes(turned.affine) == ('L', 'P', 'I')
    for value in (0, 7, 23):
        places = [
            nib.affines.apply_affine(i.affine, np.argwhere(i.get_fdata() == value)[0])
            for i in (image, turned)
        ]
        np.testing.assert_allclose(*places)


def test_random_acquisitions_stay_in_range():
    scans = [random_acquisition(np.random.default_rng(i)) for i in range(60)]
    assert {s.field_t for s in scans} == {1.5, 3.0, 7.0}
    assert {s.paramagnetic_sign for s in scans} == {-1, 1}
    assert all(0.009 <= s.echo_time_s <= 0.040 for s in scans)
    assert all(abs(np.linalg.norm(s.b0_direction) - 1) < 1e-9 for s in scans)


def test_nuclei_keep_their_order():
    chi = {
        k: nucleus_susceptibility(k, 74) for k in ('caudate', 'putamen', 'pallidum', 'thalamus')
    }
    assert chi['pallidum'] == pytest.approx(0.19, abs=0.01)
    assert chi['putamen'] == pytest.approx(0.13, abs=0.01)
    assert chi['caudate'] == pytest.approx(0.09, abs=0.01)
    assert chi['thalamus'] < chi['caudate']
