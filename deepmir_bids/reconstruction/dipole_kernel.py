"""The field of a unit dipole in k-space, and what it does to the phase."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.kspace_filter import Vector

#: Proton gyromagnetic ratio over 2 pi, in MHz per tesla.
GAMMA_MHZ_PER_T = 42.577


def radians_per_ppm(echo_time_s: float, field_t: float) -> float:
    """Return the phase in rad that one ppm of field offset gathers by the echo time."""
    return 2 * np.pi * GAMMA_MHZ_PER_T * field_t * echo_time_s


def dipole_kernel(shape: Sequence[int], voxel_mm: Vector, b0_direction: Vector) -> np.ndarray:
    """Return the unit dipole's transform on the grid of ``scipy.fft.rfftn``.

    D = 1/3 - (k.b)^2/|k|^2 (Marques & Bowtell, Concepts Magn Reson B 2005;25:65), zero at k = 0.

    Parameters
    ----------
    shape
        Shape (X, Y, Z) of the image, not of its transform.
    voxel_mm
        Voxel sizes in mm.
    b0_direction
        Direction of the main field in the image's own axes, of any length.

    Returns
    -------
    kernel
        (X, Y, Z // 2 + 1), float32, without unit.

    """
    b = np.asarray(b0_direction, dtype=float) / np.linalg.norm(b0_direction)
    frequencies = [fft.fftfreq(n, d) for n, d in zip(shape[:2], voxel_mm[:2], strict=True)]
    frequencies.append(fft.rfftfreq(shape[2], voxel_mm[2]))
    kx, ky, kz = np.meshgrid(
        *(f.astype(np.float32) for f in frequencies), indexing='ij', sparse=True
    )
    squared = kx**2 + ky**2 + kz**2
    squared[0, 0, 0] = 1
    along = np.float32(b[0]) * kx + np.float32(b[1]) * ky + np.float32(b[2]) * kz
    kernel = np.float32(1 / 3) - along**2 / squared
    kernel[0, 0, 0] = 0
    return kernel
