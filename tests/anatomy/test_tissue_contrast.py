"""An image of another contrast is told from an SWI by its ventricles."""

from __future__ import annotations

import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.tissue_contrast import measure_contrast

STRUCTURES = (
    Structure(1, 'left lateral ventricle', 'deep', 'lateral ventricle'),
    Structure(2, 'left deep white matter', 'deep', 'deep white matter'),
)
#: Ventricles above white matter, 40 mm wide and high, with a rim of nothing.
LABELS = np.pad(np.repeat([1, 2], 20)[:, None, None] * np.ones((1, 40, 40), int), 2)
VOXEL_MM = (1.0, 1.0, 1.0)


def image(ventricles: float, vein: float = 1.0) -> np.ndarray:
    """Ventricles and a vein of so many times the white matter's signal."""
    swi = np.choose(LABELS, [500.0, 100 * ventricles, 100.0]).astype(np.float32)
    swi[30:32, 15:25, 15:25] = 100 * vein
    return swi


@pytest.mark.parametrize(
    ('ventricles', 'says'),
    [(0.5, 'T1w'), (0.71, ''), (1.2, ''), (1.55, ''), (1.86, 'as in a T2w')],
)
def test_ventricles_tell(ventricles, says):
    contrast = measure_contrast(image(ventricles), LABELS, STRUCTURES, VOXEL_MM)
    assert says in contrast.likeness
    assert bool(contrast.likeness) == bool(says)
    assert contrast.is_bright == (ventricles > 1.8)
    assert not contrast.is_doubtful


@pytest.mark.parametrize(
    ('ventricles', 'vein', 'bright', 'doubtful'),
    [
        # Of 70 simulated SWI and T2w, through the whole app.
        (1.69, 0.6, False, False),
        (1.75, 0.53, False, False),
        (1.81, 0.71, True, True),
        (1.84, 0.44, True, True),
        (1.84, 0.6, True, False),
        (1.95, 0.66, True, False),
        (2.18, 0.45, True, False),
        (2.16, 0.27, True, True),
        (3.4, 0.3, True, False),
    ],
)
def test_the_brighter_its_ventricles_the_darker_are_an_swis_veins(
    ventricles, vein, bright, doubtful
):
    contrast = measure_contrast(image(ventricles, vein), LABELS, STRUCTURES, VOXEL_MM)
    assert contrast.is_bright == bright
    assert contrast.is_doubtful == doubtful


def test_the_rim_of_the_brain_is_dark_in_any_image():
    swi = image(1.9)
    swi[2:6] = 5
    assert not measure_contrast(swi, LABELS, STRUCTURES, VOXEL_MM).is_doubtful


@pytest.mark.parametrize('label', [1, 2])
def test_what_cannot_be_seen_tells_nothing(label):
    bright = image(3)
    assert measure_contrast(bright, LABELS, STRUCTURES, VOXEL_MM).likeness
    bright[label == LABELS] = 0
    assert measure_contrast(bright, LABELS, STRUCTURES, VOXEL_MM).ratio is None
    one = STRUCTURES[2 - label : 3 - label]
    assert measure_contrast(image(3), LABELS, one, VOXEL_MM).ratio is None
