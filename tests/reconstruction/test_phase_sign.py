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
