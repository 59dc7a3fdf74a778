"""How many lesions, how large; veins and their volume; the reader's outline."""

import numpy as np
import pytest

from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.random_lesions import PLACES, iron_count, microbleed_count
from deepmir_bids.simulation.small_sources import LocalSource, Source
from deepmir_bids.simulation.true_outlines import classes, outline
from deepmir_bids.simulation.veins import Vein, rasterise

VOXELS = ImageGrid.centred((0, 0, 0), (1, 1, 1), (24, 24, 24))
BOX = (slice(2, 22),) * 3


def test_counts_of_a_cohort():
    rng = np.random.default_rng(0)
    counts = np.array([microbleed_count(rng, enriched=False) for _ in range(4000)])
    assert (counts == 0).mean() == pytest.approx(1 / 3, abs=0.03)
    assert np.median(counts) == 1
    assert 0.003 < (counts > 30).mean() < 0.03
    assert counts.max() <= 83
    assert 0.2 < np.mean([iron_count(rng, enriched=False) == 0 for _ in range(1000)]) < 0.6


def test_enriched_counts():
    rng = np.random.default_rng(0)
    counts = [microbleed_count(rng, enriched=True) for _ in range(200)]
    assert min(counts) >= 15
    assert max(counts) <= 40


def test_places_are_shares():
    assert sum(PLACES.values()) == pytest.approx(1)


@pytest.mark.parametrize('diameter', [0.3, 1.0, 3.0])
def test_a_vein_keeps_its_volume(diameter):
    """Thinner than a voxel or thicker, a vein's blood adds up to its cylinder."""
    path = np.linspace([-8.2, -5, 0.1], [8.3, 6, 3], 20)
    vein = Vein('sulcal', path, np.full(20, diameter / 2), 0.3)
    share, chi = rasterise([vein], VOXELS)
    volume = np.pi / 4 * diameter**2 * np.linalg.norm(path[-1] - path[0])
    assert share.max() <= 1
    assert share.sum() == pytest.approx(volume, rel=0.06)
    assert chi.sum() == pytest.approx(0.3 * share.sum(), rel=0.01)


def lesion(kind='CMB', diameter_mm=2.0):
    """A ball at the middle of `VOXELS`."""
    source = Source(
        kind, 'cortex', np.zeros(3), diameter_mm, 1.0, np.eye(3), np.zeros((1, 4)), 0.0
    )
    grid = VOXELS.crop(BOX)
    filled = source.occupancy(grid, None)
    return LocalSource(source, BOX, grid, filled, np.zeros(grid.shape, dtype=np.float32))


def swi_with(*dark):
    """An SWI of ones, darkened in boxes."""
    image = np.ones(VOXELS.shape, dtype=np.float32)
    for box in dark:
        image[box] = 0.4
    return image


CORE = (slice(11, 14), slice(11, 14), slice(11, 14))


def test_outline_is_where_signal_is_lost():
    index = outline(swi_with(CORE), swi_with(), 0.02, [lesion()], VOXELS)
    expected = np.zeros(VOXELS.shape, dtype=bool)
    expected[CORE] = True
    assert (index[~expected] == 0).all()
    assert (index[expected] == 1).mean() > 0.7


def test_outline_leaves_what_is_not_joined_or_was_dark_before():
    lobe = (slice(11, 13), slice(11, 13), slice(18, 21))
    index = outline(swi_with(CORE, lobe), swi_with(), 0.02, [lesion()], VOXELS)
    assert not index[lobe].any()
    assert not outline(swi_with(CORE), swi_with(CORE), 0.02, [lesion()], VOXELS).any()


def test_outline_is_one_piece():
    above = (slice(11, 14), slice(11, 14), slice(14, 15))
    most = (slice(11, 14), slice(11, 14), slice(10, 13))
    index = outline(swi_with(most, above), swi_with(), 0.02, [lesion(diameter_mm=4)], VOXELS)
    assert index[most].any()
    assert not index[above].any()


def test_outline_needs_more_than_noise():
    assert not outline(swi_with(CORE), swi_with(), 0.3, [lesion()], VOXELS).any()


def test_classes_of_numbers():
    values = classes(np.array([0, 1, 2, 2]), [lesion('CMB'), lesion('iron')])
    assert values.tolist() == [0, 1, 2, 2]
    assert values.dtype == np.uint8
