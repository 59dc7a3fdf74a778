"""Signal of one source in a uniform head: blooming, echo time, either vendor."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.susceptibility_weighting import susceptibility_weighted
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.gradient_echo import (
    Coarse,
    Fine,
    add_source,
    local_signal,
    noise_share,
    volume_signal,
    zero_fill,
)
from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.raw_echoes import (
    as_received,
    echo_signals,
    echo_times,
    magnitude_and_phase,
    true_susceptibility,
)
from deepmir_bids.simulation.small_sources import Source, localise

PARTS = (3, 3, 4)
#: Of the tissue around a source.
T2STAR_S = 0.055


def bleed(diameter_mm=1.6, chi_ppm=1.0, decay=0.0):
    """A round microbleed."""
    waves = np.zeros((1, 4))
    centre = np.array([0.1, -0.2, 0.1])
    return Source(
        'CMB', 'cortex', centre, diameter_mm, chi_ppm, np.eye(3), waves, 0.0, None, decay
    )


def scan_at(echo_time_s):
    """A small scan."""
    return Acquisition(echo_time_s=echo_time_s, voxel_mm=(0.8, 0.8, 1.5), shape=(48, 48, 16))


def head_of(source, scan, reach_mm=None):
    """Return tissue of T2* 55 ms and -0.03 ppm with a source, on its grids."""
    whole = ImageGrid.centred((0, 0, 0), (4, 4, 4), (12, 12, 8))
    even = np.ones(whole.shape, dtype=np.float32)
    signal = even * np.exp(-np.float32(scan.echo_time_s / T2STAR_S))
    coarse = Coarse(whole, 0 * even, signal, even / np.float32(T2STAR_S), -0.03 * even)
    box = tuple(slice(0, n) for n in scan.shape)
    grid = scan.grid.subdivided(PARTS)
    zeros = np.zeros(grid.shape, dtype=np.float32)
    fine = Fine(box, PARTS, grid, zeros, zeros.copy(), np.zeros(scan.shape))
    local = localise(source, scan.grid, box, PARTS, scan.b0_direction, None, reach_mm)
    add_source(fine, local, scan.field_t)
    return coarse, fine, local


def image_of(source, echo_time_s):
    """Return complex images with and without a source, and the source."""
    scan = scan_at(echo_time_s)
    coarse, fine, local = head_of(source, scan)
    image = volume_signal(coarse, fine, scan)
    without = np.full(scan.shape, coarse.signal[0, 0, 0], dtype=np.complex64)
    image[local.box] = local_signal(coarse, fine, local, scan, with_lesions=True)
    without[local.box] = local_signal(coarse, fine, local, scan, with_lesions=False)
    return image, without, local


def apparent_volume(echo_time_s, source):
    """Volume in mm^3 that an SWI shows dark."""
    image, without, _ = image_of(source, echo_time_s)
    swi, empty = (susceptibility_weighted(i, 1, 16) for i in (image, without))
    return float((swi < 0.75 * empty).sum() * 0.8 * 0.8 * 1.5)


@pytest.mark.parametrize(('diameter', 'chi'), [(1.6, 1.0), (2.4, 0.6)])
def test_blooming_grows_with_echo_time(diameter, chi):
    """Liu et al. 2012: from 20 to 40 ms the apparent volume on SWI grows 1.5 to 2.3 times."""
    source = bleed(diameter, chi)
    early, late = apparent_volume(0.020, source), apparent_volume(0.040, source)
    assert early > np.pi / 6 * diameter**3
    assert 1.3 < late / early < 2.6


def test_total_susceptibility_is_that_of_the_source():
    scan = scan_at(0.02)
    coarse, fine, local = head_of(bleed(), scan)
    assert local.chi_mm3 == pytest.approx(np.pi / 6 * 1.6**3, rel=0.05)
    above = true_susceptibility(coarse, fine, [local], scan) + 0.03
    assert above.sum() * np.prod(scan.voxel_mm) == pytest.approx(local.chi_mm3, rel=1e-3)
    assert above[0, 0, 0] == pytest.approx(0, abs=1e-6)


def test_larger_moment_means_larger_spot():
    small, large = (apparent_volume(0.02, bleed(1.6, chi)) for chi in (0.4, 2.0))
    assert large > 1.5 * small


@pytest.mark.parametrize('vendor', [-1, 1])
def test_either_vendor_shows_a_dark_spot(vendor):
    image, without, local = image_of(bleed(2.0), 0.02)
    if vendor < 0:
        image, without = np.conj(image), np.conj(without)
    swi, empty = (susceptibility_weighted(i, vendor, 16) for i in (image, without))
    middle = tuple(
        np.rint(
            Acquisition(voxel_mm=(0.8, 0.8, 1.5), shape=image.shape).grid.index([0, 0, 0])
        ).astype(int)
    )
    assert swi[middle] < 0.4 * empty[middle]
    assert local.occupancy.max() == 1


def test_the_source_alone_makes_the_difference():
    image, without, local = image_of(bleed(), 0.02)
    outside = np.ones(image.shape, dtype=bool)
    outside[local.box] = False
    np.testing.assert_allclose(image[outside], without[outside], atol=0.03)
    assert np.abs(image - without).max() > 0.2


def echoes_of(source, times_s=(0.006, 0.012, 0.024)):
    """Return the complex image at each echo time of a source's head made for 20 ms."""
    scan = scan_at(0.02)
    coarse, fine, local = head_of(source, scan, reach_mm=18.0)
    return echo_signals(coarse, fine, [local], scan, times_s), times_s, scan


def test_phase_around_a_sphere_in_closed_form():
    """Along the main field and across it, at every echo: chi / 3 (a / r)^3 (3 cos^2 - 1)."""
    source = bleed(4.0, 0.5)
    images, times, scan = echoes_of(source)
    for place in ([0.4, -0.4, 5.25], [-5.2, 0.4, 0.75]):
        voxel = tuple(np.rint(scan.grid.index(place)).astype(int))
        offset = np.array([scan.grid.coordinates(a)[i] for a, i in enumerate(voxel)])
        offset -= source.centre_mm
        r = np.linalg.norm(offset)
        ppm = source.chi_ppm / 3 * (2.0 / r) ** 3 * (3 * (offset[2] / r) ** 2 - 1)
        for image, time in zip(images, times, strict=True):
            radians = 2 * np.pi * 42.577 * scan.field_t * time * ppm
            assert np.angle(image[voxel]) == pytest.approx(radians, rel=0.05)


def test_signal_decays_with_r2star_and_phase_grows_with_echo_time():
    images, times, scan = echoes_of(bleed(4.0, 0.5))
    far, near = (2, 2, 2), (17, 24, 8)
    for image, time in zip(images, times, strict=True):
        assert abs(image[far]) == pytest.approx(np.exp(-time / T2STAR_S), rel=1e-3)
    sensitivity = np.full(scan.shape, 0.9 * np.exp(2j), dtype=np.complex64)
    received = [as_received(i, sensitivity, np.zeros_like(i), scan)[near] for i in images]
    first, second = (
        np.angle(b / a) / (t - s)
        for a, b, s, t in zip(received, received[1:], times, times[1:], strict=False)
    )
    assert abs(first) > 5
    assert second == pytest.approx(first, rel=0.02)
    assert np.angle(received[0] * np.exp(-1j * first * times[0])) == pytest.approx(2, abs=0.01)


def test_a_source_blooms_from_echo_to_echo():
    images, times, _ = echoes_of(bleed(2.0, 1.0))
    dark = [
        int((np.abs(image) < 0.75 * np.exp(-time / T2STAR_S)).sum())
        for image, time in zip(images, times, strict=True)
    ]
    assert 0 < dark[0] < dark[1] < dark[2]


def test_scanners_store_either_sign_of_phase():
    image = np.array([[[1j, 0.5]]], dtype=np.complex64)
    nothing = np.zeros_like(image)
    for sign in (1, -1):
        scan = Acquisition(paramagnetic_sign=sign)
        received = as_received(image, np.ones_like(image), nothing, scan)
        magnitude, phase = magnitude_and_phase(received)
        assert magnitude.ravel().tolist() == [1000, 500]
        assert phase.ravel().tolist() == [sign * 2048, 0]


def test_echo_times():
    assert echo_times(0.020, 1) == (0.020,)
    assert echo_times(0.020, 3) == (0.008, 0.016, 0.024)


def test_zero_filling_rings_and_keeps_what_is_coarse():
    image = np.zeros((32, 24, 3), np.complex64)
    image[8:24, 6:18] = 1j
    filled = zero_fill(image, 0.5)
    assert np.abs(filled).max() > 1.05  # Gibbs
    np.testing.assert_allclose(filled.mean(), image.mean(), atol=1e-6)
    np.testing.assert_allclose(zero_fill(filled, 0.5), filled, atol=1e-5)
    np.testing.assert_allclose(zero_fill(image, 1.0), image, atol=1e-5)


def test_noise_that_zero_filling_leaves():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((64, 48, 16)) + 1j * rng.standard_normal((64, 48, 16))
    left = noise_share(noise.shape, 0.75)
    assert left == pytest.approx(zero_fill(noise, 0.75).real.std() / noise.real.std(), rel=0.02)
    assert left == pytest.approx(0.75, abs=0.02)
    assert noise_share(noise.shape, 1.0) == 1
