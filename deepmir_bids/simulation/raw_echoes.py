"""What a scanner stores before any SWI or QSM is made of it: complex echoes; and their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.gradient_echo import Coarse, Fine, parts_of, zero_fill
from deepmir_bids.simulation.head_signal import head_signal
from deepmir_bids.simulation.image_grid import block_mean, interpolate
from deepmir_bids.simulation.small_sources import LocalSource

#: Pi in the integers of a stored phase, and signal 1 in those of a stored magnitude.
PHASE_STEPS, MAGNITUDE_STEPS = 4096, 1000


def echo_times(swi_echo_s: float, echoes: int) -> tuple[float, ...]:
    """Return evenly spaced echo times in s: the SWI's, or several that go a fifth beyond it."""
    if echoes == 1:
        return (swi_echo_s,)
    return tuple(round(1.2 * swi_echo_s * (i + 1) / echoes, 5) for i in range(echoes))


def echo_signals(
    coarse: Coarse,
    fine: Fine,
    local: list[LocalSource],
    acquisition: Acquisition,
    times_s: tuple[float, ...],
) -> list[np.ndarray]:
    """Return a head's noiseless complex image (X, Y, Z), lesions included, at each echo time.

    Parameters
    ----------
    coarse, fine, local
        The head, as `deepmir_bids.simulation.head_signal` makes it for ``acquisition``.
    acquisition
        The scan whose echo time the maps are of.
    times_s
        Echo times in s.

    """
    return [
        head_signal(
            coarse.later(time - acquisition.echo_time_s),
            fine,
            local,
            replace(acquisition, echo_time_s=time),
        )
        for time in times_s
    ]


def as_received(
    image: np.ndarray, sensitivity: np.ndarray, noise: np.ndarray, acquisition: Acquisition
) -> np.ndarray:
    """Return a complex image (X, Y, Z) as the scanner stores it.

    Parameters
    ----------
    image
        Noiseless signal, its phase positive where the field is higher.
    sensitivity, noise
        As `deepmir_bids.simulation.gradient_echo.receive` draws them.
    acquisition
        The scan: the share of k-space that it measures and the sign of its phase.

    """
    received = zero_fill(image * sensitivity + noise, acquisition.sampled_share)
    return np.conj(received) if acquisition.paramagnetic_sign < 0 else received


def magnitude_and_phase(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a complex image (X, Y, Z) as scanners store it: magnitude and phase, int16.

    The phase goes from -4096 to 4096 for -pi to pi.
    """
    magnitude = np.rint(MAGNITUDE_STEPS * np.abs(image)).astype(np.int16)
    return magnitude, np.rint(np.angle(image) * (PHASE_STEPS / np.pi)).astype(np.int16)


def true_susceptibility(
    coarse: Coarse, fine: Fine, local: list[LocalSource], acquisition: Acquisition
) -> np.ndarray:
    """Return the susceptibility in ppm that each voxel (X, Y, Z) holds, small sources included."""
    chi = interpolate(coarse.chi_ppm, coarse.grid, acquisition.grid)
    chi[fine.box] += fine.vein_ppm
    for near in local:
        inside = near.occupancy * np.float32(near.source.chi_ppm)
        chi[near.box] += block_mean(inside, parts_of(near))
    return chi
