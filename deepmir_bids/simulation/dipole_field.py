"""The field of a susceptibility distribution."""

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import Vector, padded_shape


def dipole_field(
    chi_ppm: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    padding: float = 2.0,
) -> np.ndarray:
    """Return the relative field offset of susceptibilities in a uniform main field.

    dB/B0 = IFFT(D FFT(chi)), Marques & Bowtell, Concepts Magn Reson B 2005;25:65. Susceptibility
    is relative to the surroundings, which are padded with zeros.

    Parameters
    ----------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm.
    voxel_mm
        Voxel sizes in mm.
    b0_direction
        Direction of the main field in the image's axes.
    padding
        How many times as long each axis is made against the transform's periodic images.

    Returns
    -------
    field_ppm
        Field offset (X, Y, Z) in ppm of the main field, float32, on the input's grid.

    """
    padded = padded_shape(chi_ppm.shape, padding)
    spectrum = fft.rfftn(chi_ppm.astype(np.float32), s=padded)
    spectrum *= dipole_kernel(padded, voxel_mm, b0_direction)
    return fft.irfftn(spectrum, s=padded)[tuple(slice(n) for n in chi_ppm.shape)].copy()
