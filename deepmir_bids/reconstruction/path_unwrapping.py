"""Unwrapping of the phase along paths of reliable voxels."""

import numpy as np
from scipy import ndimage


def unwrap_path(phase: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Unwrap a phase image by joining its most reliable neighbours first.

    The sorting by second differences of Abdul-Rahman et al., Appl Opt 2007;46:6623, as
    scikit-image has it: right to the number of turns, where the phase is not too noisy.

    Parameters
    ----------
    phase
        Wrapped phase (X, Y, Z) in rad.
    mask
        Where the phase has a meaning (X, Y, Z).

    Returns
    -------
    unwrapped
        Phase (X, Y, Z) in rad, float32, its median within half a turn of zero; zero outside the
        mask.

    """
    from skimage.restoration import unwrap_phase

    unwrapped = np.zeros(phase.shape, dtype=np.float32)
    if not mask.any():
        return unwrapped
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside = mask[box].astype(bool)
    # The order in which equals are joined is drawn at random, but for the seed.
    joined = unwrap_phase(np.ma.array(phase[box], mask=~inside), rng=0)
    values = np.where(inside, joined.filled(0), 0)
    turn = 2 * np.pi
    values[inside] -= turn * np.round(np.median(values[inside]) / turn)
    unwrapped[box] = values
    return unwrapped
