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
LABELS = np.repeat([1, 2, 0], 1000).reshape(30, 10, 10)


def image(ventricles: float) -> np.ndarray:
    return np.choose(LABELS, [500.0, 100 * ventricles, 100.0]).astype(np.float32)


@pytest.mark.parametrize(
    ('ventricles', 'says'),
    [(0.5, 'T1w'), (0.71, ''), (1.2, ''), (1.77, ''), (1.86, 'as in a T2w')],
)
def test_ventricles_tell(ventricles, says):
    contrast = measure_contrast(image(ventricles), LABELS, STRUCTURES)
    assert says in contrast.likeness
    assert bool(contrast.likeness) == bool(says)
    assert contrast.is_bright == (ventricles > 1.8)


@pytest.mark.parametrize('label', [1, 2])
def test_what_cannot_be_seen_tells_nothing(label):
    bright = image(3)
    assert measure_contrast(bright, LABELS, STRUCTURES).likeness
    bright[label == LABELS] = 0
    assert measure_contrast(bright, LABELS, STRUCTURES).ratio is None
    assert measure_contrast(image(3), LABELS, STRUCTURES[2 - label : 3 - label]).ratio is None
