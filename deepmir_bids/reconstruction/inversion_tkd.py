"""Susceptibility from a local field by truncated k-space division (TKD)."""

import numpy as np

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import Vector, filter_image, padded_shape


def invert_truncated(
    field_ppm: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    threshold: float = 0.19,
) -> np.ndarray:
    """Invert the dipole field by truncated k-space division (TKD).

    Shmueli et al., Magn Reson Med 2009;62:1510, with the correction of the systematic
    underestimation by the point-spread function's origin (Schweser et al. 2013;69:1582).

    Parameters
    ----------
    field_ppm
        Local field (X, Y, Z) in ppm of the main field.
    mask
        Where the field is known (X, Y, Z); the result is zero elsewhere.
    voxel_mm
        Voxel sizes in mm.
    b0_direction
        Direction of the main field in the image's own axes, of any length.
    threshold
        Smallest magnitude of the kernel that is divided by.

    Returns
    -------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm, float32, zero outside the mask.

    """
    padded = padded_shape(field_ppm.shape, 1.25)
    kernel = dipole_kernel(padded, voxel_mm, b0_direction)
    safe = np.where(np.abs(kernel) < threshold, np.copysign(np.float32(threshold), kernel), kernel)
    shrinkage = float(np.mean(kernel / safe))
    return filter_image(field_ppm * mask, padded, 1 / (safe * shrinkage)) * mask
