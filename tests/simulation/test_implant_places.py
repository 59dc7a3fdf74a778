"""Where lesions are put into a real head."""

import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.implant_places import dark_structures, random_implants, real_head
from deepmir_bids.simulation.random_head import nucleus_values

GRID = ImageGrid.centred((0, 0, 0), (1, 1, 1.5), (64, 64, 40))
NAMES = (
    Structure(1, 'left putamen', 'deep', 'putamen'),
    Structure(2, 'left frontal lobe', 'lobar', 'frontal lobe'),
    Structure(3, 'brainstem', 'infratentorial', 'brainstem'),
)


@pytest.fixture(scope='module')
def images():
    """SWI, brain and structures: a ball with a vein, a bleed of its own and a dark nucleus."""
    x, y, z = np.meshgrid(*[GRID.coordinates(a) for a in range(3)], indexing='ij')
    brain = x**2 + y**2 + z**2 < 28**2
    structures = np.where(brain, 2, 0)
    structures[(x + 12) ** 2 + y**2 + z**2 < 8**2] = 1
    structures[brain & (z < -18)] = 3
    swi = np.where(brain, 100.0, 5.0)
    swi[structures == 1] = 75
    swi[brain & (np.hypot(x - 10, z) < 1.2)] = 40
    swi[(x - 5) ** 2 + (y + 15) ** 2 + (z - 8) ** 2 < 2**2] = 20
    return swi + np.random.default_rng(0).normal(0, 4, swi.shape), brain, structures


def test_veins_and_lesions_are_told_from_a_nucleus(images):
    swi, brain, structures = images
    dark = dark_structures(swi, brain, GRID.spacing)
    assert dark[(swi < 50) & brain].mean() > 0.95
    assert dark[structures == 1].mean() < 0.05
    assert dark[(swi > 85) & brain].mean() < 0.02


def test_lesions_lie_where_nothing_else_is_dark(images):
    swi, brain, structures = images
    head = real_head(swi, GRID, brain, structures, NAMES)
    lesions = random_implants(head, 12, 4, np.random.default_rng(0))
    assert [one.kind for one in lesions].count('CMB') == 12
    dark = np.argwhere(dark_structures(swi, brain, GRID.spacing) | ~brain)
    dark_mm = np.array(GRID.origin) + dark * GRID.spacing
    for one in lesions:
        voxel = tuple(np.rint(GRID.index(one.centre_mm)).astype(int))
        assert brain[voxel]
        nearest = np.linalg.norm(dark_mm - one.centre_mm, axis=1).min()
        if one.kind == 'iron':
            assert structures[voxel] == 1
        else:
            assert nearest > one.diameter_mm


def test_iron_stays_in_its_nucleus(images):
    swi, brain, structures = images
    head = real_head(swi, GRID, brain, structures, NAMES)
    assert (head.nucleus == nucleus_values('putamen')[0]).sum() == (structures == 1).sum()
    iron = random_implants(head, 0, 6, np.random.default_rng(1))
    assert iron
    for one in iron:
        assert one.nucleus == 'putamen'
        assert not one.occupancy(GRID, head)[structures != 1].max() > 0.9


def test_fluid_of_a_t2w_is_left_free(images):
    swi, brain, structures = images
    t2w = np.where(brain, 40.0, 0.0)
    t2w[:32] *= 3
    head = real_head(swi, GRID, brain, structures, NAMES, t2w)
    assert not any(mask[:32].any() for mask in head.places.values())
    assert head.places['cortex'][32:].any()


def test_no_room_means_fewer_lesions(images):
    swi, brain, structures = images
    head = real_head(swi, GRID, brain & (structures == 1), structures, NAMES)
    lesions = random_implants(head, 200, 0, np.random.default_rng(0))
    assert 0 < len(lesions) < 30
