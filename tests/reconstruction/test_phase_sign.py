"""The sign of the phase, by what is dark and paramagnetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from deepmir_bids.reconstruction.phase_sign import paramagnetic_sign


@pytest.mark.parametrize('sign', [1, -1])
def test_the_rim_of_the_brain_has_no_say(sign):
    x, y, z = np.indices((32, 32, 32)) - 15.5
    mask = x**2 + y**2 + z**2 < 14**2
    veins = mask & (np.abs(x) < 6) & (np.abs(y) < 1) & (z % 6 < 1)
    rim = mask & ~ndimage.binary_erosion(mask)
    chi, magnitude = np.zeros(mask.shape), np.ones(mask.shape)
    chi[veins], magnitude[veins] = 0.1, 0.5
    # Signal that is lost to the air, where the inversion has its largest errors.
    chi[rim], magnitude[rim] = -1.0, 0.2
    assert paramagnetic_sign(sign * chi, magnitude, mask, (2.0, 2.0, 2.0)) == sign


@pytest.mark.parametrize('sign', [1, -1])
def test_what_is_strong_outvotes_what_is_dark(sign):
    x, y, z = np.indices((48, 48, 48)) - 23.5
    rng = np.random.default_rng(0)
    mask = x**2 + y**2 + z**2 < 22**2
    chi, magnitude = np.zeros(mask.shape), np.ones(mask.shape)
    for side in (-7, 7):
        nucleus = (x - side) ** 2 + y**2 + (z / 1.5) ** 2 < 12
        chi[nucleus], magnitude[nucleus] = 0.15, 0.85
    # Thin, dark and slightly diamagnetic, as tracts of white matter, and more of it than of iron.
    tracts = mask & (np.abs(x) > 12) & (y % 8 < 1)
    chi[tracts], magnitude[tracts] = -0.03, 0.6
    chi += rng.normal(scale=0.02, size=mask.shape)
    magnitude += rng.normal(scale=0.1, size=mask.shape)
    assert paramagnetic_sign(sign * chi, magnitude, mask, (1.5, 1.5, 1.5)) == sign
