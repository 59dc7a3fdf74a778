"""Lesions put into real images: physics, grids, and what stays as it was."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.reconstruction.dipole_kernel import radians_per_ppm
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.lesion_implants import (
    into_gradient_echo,
    into_qsm,
    into_t2w,
    localise_lesions,
    signal_ratio,
)
from deepmir_bids.simulation.small_sources import Source

SCAN = Acquisition(voxel_mm=(0.8, 0.8, 0.8), shape=(40, 40, 40), centre_mm=(0, 0, 0))


def bleed(diameter_mm=1.6, chi_ppm=1.0, centre=(0.4, 0.4, 0.4)):
    """A round microbleed, by default at the centre of voxel (20, 20, 20)."""
    waves = np.zeros((1, 4))
    return Source('CMB', 'cortex', np.array(centre), diameter_mm, chi_ppm, np.eye(3), waves, 0.0)


def swi_with(scan, lesion, noise=0.0, level=100.0):
    """An even SWI with a lesion in it."""
    ratio = signal_ratio(localise_lesions([lesion], scan), scan)
    image = np.full(scan.shape, level, np.float32)
    return into_gradient_echo(image, ratio, noise, scan, np.random.default_rng(0))


def apparent_volume(lesion, **scan):
    """Volume in mm^3 that has lost a quarter of its signal."""
    scan = replace(SCAN, highpass_width=16, **scan)
    return float((swi_with(scan, lesion) < 75).sum() * np.prod(scan.voxel_mm))


@pytest.mark.parametrize('tilt', [(0, 0, 0), (30, 0, 0), (-20, 15, 40)])
def test_phase_is_that_of_a_sphere(tilt):
    """(chi/3)(R/r)^3(3cos^2 - 1): lobes along the field, the opposite sign around, 0 at 54.7°."""
    scan = replace(SCAN, tilt_deg=tilt)
    lesion = bleed(1.6, 0.3)
    ratio = signal_ratio(localise_lesions([lesion], scan), scan)
    voxels = np.argwhere(np.ones(scan.shape))
    offset = (voxels - 20) * 0.8
    distance = np.linalg.norm(offset, axis=1)
    cosine = offset @ scan.b0_direction / np.maximum(distance, 0.1)
    near = (distance > 1.8) & (distance < 3.0)
    rate = radians_per_ppm(scan.echo_time_s, scan.field_t)
    expected = rate * 0.1 * (0.8 / distance[near]) ** 3 * (3 * cosine[near] ** 2 - 1)
    phase = np.angle(ratio).ravel()[near]
    assert phase[cosine[near] > 0.9].min() > 0 > phase[np.abs(cosine[near]) < 0.3].max()
    np.testing.assert_allclose(phase, expected, atol=0.015)


def test_given_direction_of_the_field_counts():
    along_x, along_z = (
        np.angle(signal_ratio(localise_lesions([bleed()], SCAN, b0_direction=b), SCAN))
        for b in ([1, 0, 0], [0, 0, 1])
    )
    assert along_x[23, 20, 20] > 0 > along_z[23, 20, 20]
    np.testing.assert_allclose(along_x, np.swapaxes(along_z, 0, 2), atol=0.02)


@pytest.mark.parametrize(('diameter', 'chi'), [(1.6, 1.0), (2.4, 0.6)])
def test_blooming_grows_with_echo_time_and_field(diameter, chi):
    """Liu et al. 2012: from 20 to 40 ms the apparent volume on SWI grows 1.5 to 2.3 times."""
    lesion = bleed(diameter, chi)
    usual = apparent_volume(lesion)
    assert usual > np.pi / 6 * diameter**3
    assert 1.3 < apparent_volume(lesion, echo_time_s=0.040) / usual < 2.6
    assert apparent_volume(lesion, field_t=1.5) < usual < apparent_volume(lesion, field_t=7.0)
    assert apparent_volume(lesion, mask_power=0) < usual


def test_a_thick_slice_dilutes_a_lesion():
    thick = replace(SCAN, voxel_mm=(0.8, 0.8, 5.0), shape=(40, 40, 9))
    diluted = swi_with(thick, bleed(1.2, 0.7, (0.4, 0.4, 0.0))).min()
    assert swi_with(SCAN, bleed(1.2, 0.7)).min() + 20 < diluted < 75


def test_only_the_lesions_surroundings_change():
    scan = replace(SCAN, shape=(60, 40, 40))
    image = np.random.default_rng(1).normal(100, 5, scan.shape).astype(np.float32)
    lesions = localise_lesions([bleed(0.8, 0.4, (-16, 0, 0))], scan)
    ratio = signal_ratio(lesions, scan)
    after = into_gradient_echo(image, ratio, 5.0, scan, np.random.default_rng(0))
    changed = np.abs(after - image) > 2
    places = (np.argwhere(changed) - [29.5, 19.5, 19.5]) * 0.8 - [-16, 0, 0]
    assert changed.any()
    assert np.linalg.norm(places, axis=1).max() < 3
    outside = np.ones(scan.shape, bool)
    outside[lesions[0].box] = False
    assert outside.mean() > 0.5
    np.testing.assert_array_equal(after[outside], image[outside])


def test_a_void_keeps_its_noise():
    after = swi_with(replace(SCAN, mask_power=0), bleed(5.0, 2.0), noise=5.0)
    void = after[19:22, 19:22, 19:22]
    # A magnitude of noise alone (Rayleigh): mean 1.25, deviation 0.66 of the noise.
    assert void.mean() == pytest.approx(1.25 * 5, rel=0.3)
    assert void.std() == pytest.approx(0.66 * 5, rel=0.4)


def oblique_las(voxel_mm):
    """Affine of an oblique grid stored as LAS, about the middle of 32 voxels a side."""
    affine = replace(SCAN, tilt_deg=(25, -10, 5)).rotation @ np.diag([-1, 1, 1]) * voxel_mm
    return nib.affines.from_matvec(affine, -affine @ np.full(3, 15.5))


@pytest.mark.parametrize('voxel_mm', [(0.8, 0.8, 0.8), (1.0, 1.0, 4.0), (3.0, 3.0, 3.0)])
@pytest.mark.parametrize('ppm', [1.0, -0.001])
def test_total_susceptibility_is_kept(voxel_mm, ppm):
    affine = oblique_las(np.array(voxel_mm))
    lesions = localise_lesions([bleed(), bleed(1.2, 0.5, (5, 3, -2))], SCAN)
    chi = np.random.default_rng(0).normal(0, 0.02 / abs(ppm), (32, 32, 32)).astype(np.float32)
    added = into_qsm(chi, affine, lesions, SCAN, ppm) - chi
    total = added.sum(dtype=float) * np.prod(voxel_mm) * ppm
    assert total == pytest.approx(sum(one.chi_mm3 for one in lesions), rel=1e-3)
    strongest = np.unravel_index(np.argmax(added * ppm), added.shape)
    place = nib.affines.apply_affine(affine, strongest)
    assert (np.abs(place - 0.4) < max(voxel_mm)).all()


def test_what_a_map_did_not_measure_stays_zero():
    chi = np.full(SCAN.shape, 0.01, np.float32)
    chi[20:] = 0
    changed = into_qsm(chi, SCAN.affine, localise_lesions([bleed()], SCAN), SCAN)
    assert not changed[20:].any()
    assert changed.max() > 0.1


def test_t2w_is_darker_in_the_lesion_alone():
    lesions = localise_lesions([bleed(2.4)], SCAN)
    after = into_t2w(np.full((32, 32, 32), 50.0), oblique_las(np.ones(3)), lesions, SCAN)
    assert 20 < after.min() < 35
    far = np.linalg.norm(np.argwhere(after < 49) - np.argwhere(after == after.min()), axis=1)
    assert far.max() < 3


def test_a_lesion_at_the_rim_and_one_beyond():
    lesions = localise_lesions([bleed(centre=(15.8, 0, 0)), bleed(centre=(90, 0, 0))], SCAN)
    assert len(lesions) == 1
    assert signal_ratio(lesions, SCAN).shape == SCAN.shape
    assert into_qsm(np.ones(SCAN.shape), SCAN.affine, lesions, SCAN).max() > 1
