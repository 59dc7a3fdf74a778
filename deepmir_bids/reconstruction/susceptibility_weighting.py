"""Susceptibility-weighted images (SWI) from a complex gradient echo."""

import numpy as np

from deepmir_bids.reconstruction.homodyne import highpass_phase


def phase_mask(phase: np.ndarray, paramagnetic_sign: int) -> np.ndarray:
    """Return the mask that falls linearly from 1 at zero phase to 0 at pi of paramagnetic sign.

    Parameters
    ----------
    phase
        High-pass filtered phase in rad, of any shape.
    paramagnetic_sign
        +1 if the scanner's phase grows with the field, -1 if it falls (vendors differ).

    Returns
    -------
    mask
        Values 0 to 1, float32, in the shape of the phase.

    Raises
    ------
    ValueError
        If the sign is neither +1 nor -1.

    """
    if paramagnetic_sign not in (-1, 1):
        raise ValueError(f'paramagnetic_sign must be +1 or -1, not {paramagnetic_sign}.')
    return np.clip(1 - paramagnetic_sign * phase / np.pi, 0, 1).astype(np.float32)


def susceptibility_weighted(
    image: np.ndarray, paramagnetic_sign: int, width: int = 64, power: int = 4
) -> np.ndarray:
    """Return magnitude x phase mask^power of a complex image.

    Haacke et al., Magn Reson Med 2004;52:612.

    Parameters
    ----------
    image
        Complex image (X, Y, Z), slices along the last axis.
    paramagnetic_sign, width
        As for `phase_mask` and `highpass_phase`.
    power
        How often the mask multiplies the magnitude.

    Returns
    -------
    swi
        Susceptibility-weighted image (X, Y, Z), float32, in the unit of the magnitude.

    Raises
    ------
    ValueError
        If the sign is neither +1 nor -1.

    """
    mask = phase_mask(highpass_phase(image, width), paramagnetic_sign)
    return (np.abs(image) * mask**power).astype(np.float32)
