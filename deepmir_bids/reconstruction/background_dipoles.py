"""Removal of the background field: projection onto dipoles outside the mask (PDF)."""

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import Vector, padded_shape


def project_onto_dipoles(
    field: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    precision: np.ndarray | None = None,
    iterations: int = 30,
) -> np.ndarray:
    """Remove the field that sources outside the mask explain best (PDF).

    Weighted least squares by conjugate gradients, stopped early, as in Liu et al., NMR Biomed
    2011;24:1129. Unlike V-SHARP it loses no rim.

    Parameters
    ----------
    field
        Field of any unit (X, Y, Z).
    mask
        Where the field is known (X, Y, Z).
    voxel_mm
        Voxel sizes in mm.
    b0_direction
        Direction of the main field in the image's own axes, of any length.
    precision
        How far each voxel's field is trusted (X, Y, Z), 1 being usual; by default the mask.
    iterations
        Steps of the conjugate gradients.

    Returns
    -------
    local
        Field (X, Y, Z) of the sources inside the mask, float32 in the input's unit, zero outside.

    """
    shape = padded_shape(field.shape, 1.3)
    kernel = dipole_kernel(shape, voxel_mm, b0_direction)
    box = tuple(slice(n) for n in field.shape)
    trust, outside = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    trust[box] = mask if precision is None else precision * mask
    outside[box] = ~mask.astype(bool)
    data = np.zeros(shape, np.float32)
    data[box] = field
    squared = trust**2

    def made_by(sources: np.ndarray) -> np.ndarray:
        return fft.irfftn(kernel * fft.rfftn(sources), s=shape)

    residual = outside * made_by(squared * data)
    sources, step = np.zeros(shape, np.float32), residual
    power = float(np.vdot(residual, residual))
    for _ in range(iterations):
        if power == 0:
            break
        image = outside * made_by(squared * made_by(step))
        length = np.float32(power / float(np.vdot(step, image)))
        sources += length * step
        residual = residual - length * image
        previous, power = power, float(np.vdot(residual, residual))
        step = residual + np.float32(power / previous) * step
    return ((field - made_by(sources)[box]) * mask).astype(np.float32)
