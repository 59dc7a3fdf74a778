"""The unit of a stored phase is recognised; what is no phase is refused."""

import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.reconstruction.phase_units import radians


@pytest.fixture
def phase():
    """Return a phase in rad, within [-pi, pi), that turns several times."""
    x, y, z = np.meshgrid(*[np.linspace(0, 25, 40)] * 3, indexing='ij')
    return (x + 0.6 * y + 0.3 * z) % (2 * np.pi) - np.pi


def off(found, phase):
    """Return by how much two phases differ, but for a constant: where a turn begins is free."""
    apart = np.exp(1j * (found - phase))
    return np.angle(apart / apart[0, 0, 0])


@pytest.mark.parametrize(
    ('store', 'unit'),
    [
        (lambda p: p, 'rad'),
        (lambda p: p + np.pi, 'rad'),
        (np.rad2deg, 'degrees'),
        (lambda p: np.round(1000 * p), 'mrad'),
        (lambda p: np.floor((p + np.pi) / (2 * np.pi) * 4096), '4096 to a turn'),
        (lambda p: np.round(p / np.pi * 4096), '8192 to a turn'),
    ],
)
def test_units(phase, store, unit):
    found, named = radians(store(phase), 'sub-01_part-phase_T2starw.nii.gz')
    assert named == unit
    np.testing.assert_allclose(off(found, phase), 0, atol=0.01)


def test_any_scaling(phase):
    found, named = radians(phase * 0.00117, 'phase.nii.gz')
    assert 'to a turn' in named
    np.testing.assert_allclose(off(found, phase), 0, atol=0.01)


def test_not_a_number_is_zero(phase):
    phase[3] = np.nan
    assert not radians(phase, 'phase.nii.gz')[0][3].any()


def test_no_phase(phase):
    x = np.linspace(0, 4095, 40)
    for other in (np.zeros((4, 4, 4)), np.broadcast_to(x, (40, 40, 40)), np.unwrap(phase, axis=0)):
        with pytest.raises(InputError, match=r'magnitude\.nii\.gz: no phase'):
            radians(other, 'magnitude.nii.gz')
