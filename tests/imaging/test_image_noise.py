"""How noisy an image is."""

import numpy as np
import pytest

from deepmir_bids.imaging.image_noise import relative_noise


@pytest.mark.parametrize('sd', [2.0, 8.0])
def test_noise_is_told_from_shading_and_vessels(sd):
    rng = np.random.default_rng(0)
    shading = np.linspace(60, 140, 64)[:, None, None] + np.zeros((64, 64, 12))
    shading[::16] *= 0.3
    mask = np.zeros(shading.shape, dtype=bool)
    mask[8:56, 8:56] = True
    shading[~mask] = 5000
    noisy = shading + rng.normal(0, sd, shading.shape)
    assert relative_noise(noisy, mask) == pytest.approx(sd / 100, rel=0.25)
