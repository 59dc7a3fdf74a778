"""Regions and structures at places that anatomy books agree on."""

import numpy as np
import pytest

from deepmir_bids.anatomy.brain_regions import (
    brain_regions,
    brain_structures,
    draw_structures,
    structures_at,
)

PLACES = {
    (-25, 2, 0): ('left putamen', 'deep'),
    (12, -18, 8): ('right thalamus', 'deep'),
    (0, -28, -30): ('brainstem', 'infratentorial'),
    (-30, -65, -40): ('left cerebellum', 'infratentorial'),
    (30, -65, -45): ('right cerebellum', 'infratentorial'),
    (-40, 40, 15): ('left frontal lobe', 'lobar'),
    (40, -55, 48): ('right parietal lobe', 'lobar'),
    (-55, -15, -18): ('left temporal lobe', 'lobar'),
    (15, -92, 5): ('right occipital lobe', 'lobar'),
    (0, 24, 8): ('corpus callosum', 'deep'),
    (-26, -25, -14): ('left hippocampus', 'lobar'),
    (19, -6, 12): ('right internal capsule', 'deep'),
    (-34, -2, 4): ('left external capsule', 'deep'),
    (38, 5, 2): ('right insula', 'lobar'),
    (-26, -50, 22): ('left deep white matter', 'deep'),
}


@pytest.mark.parametrize(('place', 'expected'), PLACES.items())
def test_known_places(place, expected):
    label = structures_at(np.array([place]))[0]
    found = next(s for s in brain_structures() if s.index == label)
    assert (found.name, found.region) == expected


def test_every_brain_voxel_has_a_region_and_none_outside():
    affine = np.diag([8.0, 8, 8, 1])
    affine[:3, 3] = -80, -110, -70
    mask = np.zeros((20, 24, 20), bool)
    mask[3:17, 3:20, 3:17] = True
    regions = brain_regions(mask.shape, affine, mask)
    assert set(np.unique(regions[mask])) == {1, 2, 3}
    assert not regions[~mask].any()
    assert set(np.unique(draw_structures(mask.shape, affine))) <= {
        s.index for s in brain_structures()
    }
