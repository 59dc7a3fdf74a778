"""Susceptibility from a local field in closed form, with an L2 penalty."""

import numpy as np

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import (
    Vector,
    filter_image,
    gradient_energy,
    padded_shape,
)


def invert_l2(
    field_ppm: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    weight: float = 0.1,
) -> np.ndarray:
    """Invert the dipole field with an L2 penalty on the susceptibility and on its gradient.

    A closed form, chi = IFFT[D FFT(f) / (D^2 + w^2 (1 + E) / 2)], E the gradient's spectrum scaled
    to mean 1. With E alone it is Bilgic et al., J Magn Reson Imaging 2014;40:181; then nothing
    holds the lowest frequencies on the magic-angle cone, and what is left of the background floods
    them.

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
    weight
        Weight w of the penalty, without unit.

    Returns
    -------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm, float32, zero outside the mask.

    """
    padded = padded_shape(field_ppm.shape, 1.25)
    kernel = dipole_kernel(padded, voxel_mm, b0_direction)
    power = kernel**2 + weight**2 * (1 + gradient_energy(padded, voxel_mm)) / 2
    return filter_image(field_ppm * mask, padded, kernel / power) * mask
