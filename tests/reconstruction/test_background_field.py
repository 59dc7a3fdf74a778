"""Removal of the background field."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.background_field import remove_background
from deepmir_bids.simulation.dipole_field import dipole_field


def grid(shape):
    return np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in shape], indexing='ij')


@pytest.mark.parametrize('radii', [(5,), (8, 5, 3)])
def test_background_goes_and_local_field_stays(radii):
    x, y, z = grid((64, 64, 56))
    mask = x**2 + y**2 + z**2 < 24**2
    inside = np.where((x - 6) ** 2 + y**2 + z**2 < 9, 0.3, 0)
    outside = np.where(x**2 + y**2 + (z + 27) ** 2 < 9, 30.0, 0)
    local, background = (dipole_field(c, (1, 1, 1), (0, 0, 1)) for c in (inside, outside))
    found, known = remove_background(local + background, mask, (1, 1, 1), radii)
    assert known.sum() > 0.4 * mask.sum()
    assert not known[~mask].any()
    assert not found[~known].any()
    middle = x**2 + y**2 + z**2 < 14**2
    assert np.std((found - local)[middle]) < 0.2 * np.std(local[middle])
    assert np.std(background[middle]) > np.std(local[middle])


def test_smaller_spheres_reach_closer_to_the_rim():
    x, y, z = grid((40, 40, 40))
    mask = x**2 + y**2 + z**2 < 15**2
    _, sharp = remove_background(x, mask, (1, 1, 1), (8,))
    _, vsharp = remove_background(x, mask, (1, 1, 1), (8, 3))
    assert vsharp.sum() > 2 * sharp.sum()


def test_no_radius():
    with pytest.raises(ValueError, match='radius'):
        remove_background(np.zeros((4, 4, 4)), np.ones((4, 4, 4)), (1, 1, 1), ())
