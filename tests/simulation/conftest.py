"""A simulated subject that the tests share."""

from dataclasses import replace

import pytest

from deepmir_bids.simulation.acquisition import SLOPPY
from deepmir_bids.simulation.simulated_subject import simulate_subject


@pytest.fixture(scope='session')
def simulate_sloppy():
    """How `sloppy` was simulated."""
    return lambda echoes=0: simulate_subject(
        3, replace(SLOPPY, axes='LPI', tilt_deg=(-8, 2, 0)), enriched=True, echoes=echoes
    )


@pytest.fixture(scope='session')
def sloppy(simulate_sloppy):
    """A coarse subject with many lesions, its voxels stored obliquely and not as RAS."""
    return simulate_sloppy()
