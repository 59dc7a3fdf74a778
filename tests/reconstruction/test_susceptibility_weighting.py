"""SWI from a complex image."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.susceptibility_weighting import (
    phase_mask,
    susceptibility_weighted,
)


def test_phase_mask_is_linear_on_one_side():
    phase = np.array([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi])
    np.testing.assert_allclose(phase_mask(phase, -1), [0, 0.5, 1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(phase_mask(phase, 1), [1, 1, 1, 0.5, 0], atol=1e-6)


@pytest.mark.parametrize('vendor', [-1, 1])
def test_paramagnetic_is_dark_whatever_the_vendor(vendor):
    field = np.zeros((64, 64, 2))
    field[30:33, 30:33] = 0.8
    swi = susceptibility_weighted(np.exp(1j * vendor * field), vendor, width=16)
    wrong = susceptibility_weighted(np.exp(1j * vendor * field), -vendor, width=16)
    assert swi[31, 31, 0] < 0.6 * np.median(swi)
    assert wrong[31, 31, 0] > 0.9 * np.median(wrong)


def test_unknown_sign():
    with pytest.raises(ValueError, match='paramagnetic_sign'):
        phase_mask(np.zeros(3), 0)
