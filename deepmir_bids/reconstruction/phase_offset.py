"""The phase that is there at echo time zero: of the coils and of the excitation."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from deepmir_bids.reconstruction.kspace_filter import Vector
from deepmir_bids.reconstruction.path_unwrapping import unwrap_path


def phase_offset(
    images: Sequence[np.ndarray],
    times_s: Sequence[float],
    mask: np.ndarray,
    voxel_mm: Vector,
    smooth_mm: float = 5.0,
) -> np.ndarray:
    """Return the phase at echo time zero from the first two echoes.

    The phase that grows between the echoes is extrapolated to time zero, and what is left of the
    first echo is smoothed as complex numbers: MCPC-3D-S for coils that are already combined
    (Eckstein et al., Magn Reson Med 2018;79:2996).

    Parameters
    ----------
    images
        Complex images (X, Y, Z), the first two echoes or more.
    times_s
        Their echo times in s.
    mask
        Where there is signal (X, Y, Z).
    voxel_mm
        Voxel sizes in mm.
    smooth_mm
        Standard deviation of the smoothing in mm.

    Returns
    -------
    offset
        Phase (X, Y, Z) in rad, float32, within [-pi, pi].

    """
    between = np.conj(images[0]) * images[1]
    growth = unwrap_path(np.angle(between), mask)
    share = times_s[0] / (times_s[1] - times_s[0])
    left = images[0] * np.exp(-1j * np.float32(share) * growth) * mask
    sigma = [smooth_mm / v for v in voxel_mm]
    smooth = [ndimage.gaussian_filter(part, sigma) for part in (left.real, left.imag)]
    return np.arctan2(smooth[1], smooth[0]).astype(np.float32)
