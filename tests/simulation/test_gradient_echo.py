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
from deepmir_bids.simulation.small_sources import Source, localise

PARTS = (3, 3, 4)


def bleed(diameter_mm=1.6, chi_ppm=1.0, decay=0.0):
    """A round microbleed."""
    waves = np.zeros((1, 4))
    centre = np.array([0.1, -0.2, 0.1])
    return Source(
        'CMB', 'cortex', centre, diameter_mm, chi_ppm, np.eye(3), waves, 0.0, None, decay
    )


def image_of(source, echo_time_s, shape=(48, 48, 16)):
    """Return complex images with and without a source in tissue of T2* 55 ms, and the source."""
    scan = Acquisition(echo_time_s=echo_time_s, voxel_mm=(0.8, 0.8, 1.5), shape=shape)
    whole = ImageGrid.centred((0, 0, 0), (4, 4, 4), (12, 12, 8))
    signal = np.full(whole.shape, np.exp(-echo_time_s / 0.055), dtype=np.float32)
    nothing = np.zeros(whole.shape, dtype=np.float32)
    coarse = Coarse(whole, nothing, signal, nothing, nothing)
    box = tuple(slice(0, n) for n in shape)
    grid = scan.grid.subdivided(PARTS)
    zeros = np.zeros(grid.shape, dtype=np.float32)
    fine = Fine(box, PARTS, grid, zeros, zeros.copy(), np.zeros(shape))
    local = localise(source, scan.grid, box, PARTS, scan.b0_direction, None)
    add_source(fine, local, scan.field_t)
    image = volume_signal(coarse, fine, scan)
    without = np.full(shape, signal[0, 0, 0], dtype=np.complex64)
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
    _, _, local = image_of(bleed(), 0.02)
    assert local.chi_mm3 == pytest.approx(np.pi / 6 * 1.6**3, rel=0.05)


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
