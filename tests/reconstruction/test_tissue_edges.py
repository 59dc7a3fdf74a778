"""Edges of tissue in a magnitude with shading and noise."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.tissue_edges import SHARE, tissue_edges


def test_edges_lie_where_tissues_meet():
    x, y, _ = np.indices((40, 40, 24))
    mask = (x - 20) ** 2 + (y - 20) ** 2 < 18**2
    # Two tissues side by side; the shading makes the right one's dark half as bright as the other.
    image = (1 + x / 20) * np.where(y < 20, 1.0, 1.3)
    image += np.random.default_rng(0).normal(scale=0.02, size=image.shape)
    along_x, along_y, _ = tissue_edges(image, mask, (1, 1, 2))
    assert along_y[mask & np.roll(mask, -1, 1) & (y == 19)].all()
    # Nothing is special about the steps along the shading.
    steps = mask & np.roll(mask, -1, 0)
    assert along_x[steps].mean() == pytest.approx(SHARE, abs=0.01)
    assert along_x[steps & (y == 19)].mean() == pytest.approx(SHARE, abs=0.1)
    assert not along_x[~mask].any()
