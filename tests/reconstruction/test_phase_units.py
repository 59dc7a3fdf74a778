"""The unit of a stored phase is recognised; what is no phase is refused."""

import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.reconstruction.phase_units import radians


def alone(stored, name='phase.nii.gz'):
    """Return what is found in an image that has no others of its scan."""
    (found,), unit = radians([stored], [np.ones_like(stored)], [name])
    return found, unit


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
    found, named = alone(store(phase))
    assert named == unit
    np.testing.assert_allclose(off(found, phase), 0, atol=0.01)


def test_any_scaling(phase):
    found, named = alone(phase * 0.00117)
    assert 'to a turn' in named
    np.testing.assert_allclose(off(found, phase), 0, atol=0.01)


def test_not_a_number_is_zero(phase):
    phase[3] = np.nan
    assert not alone(phase)[0][3].any()


def test_no_phase(phase):
    x = np.linspace(0, 4095, 40)
    for other in (np.zeros((4, 4, 4)), np.broadcast_to(x, (40, 40, 40)), np.unwrap(phase, axis=0)):
        with pytest.raises(InputError, match=r'magnitude\.nii\.gz: no phase'):
            alone(other, 'magnitude.nii.gz')


def test_an_early_echo_within_a_mask_has_the_turn_of_later_ones(phase):
    """Nothing outside the mask is there to wrap."""
    stored = np.floor((phase + np.pi) / (2 * np.pi) * 4096)
    early = np.linspace(-1, 1, 40)[:, None, None] * np.ones_like(phase)
    early[:, :5] = 0
    magnitude = np.random.default_rng(0).random(phase.shape)
    with pytest.raises(InputError, match='never wrap'):
        alone(early * 4096 / (2 * np.pi))
    images = [early * 4096 / (2 * np.pi), stored]
    (found, _), unit = radians(images, [magnitude] * 2, ['early', 'late'])
    assert unit == '4096 to a turn'
    np.testing.assert_allclose(found, early, atol=1e-3)


def test_a_magnitude_among_phases_is_none(phase):
    magnitude = np.linspace(100, 900, 40)[:, None, None] * np.ones_like(phase)
    stored = np.floor((phase + np.pi) / (2 * np.pi) * 4096)
    for other in (magnitude, 0.7 * magnitude + 20, np.unwrap(phase, axis=0) * 4096):
        with pytest.raises(InputError, match='other: no phase'):
            radians([other, stored], [magnitude] * 2, ['other', 'late'])
