"""Susceptibility from a local field by weighted least squares, with an L2 penalty."""

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import Vector, gradient_energy, padded_shape


def invert_weighted_l2(
    field_ppm: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    precision: np.ndarray | None = None,
    weight: float = 0.06,
    iterations: int = 10,
) -> np.ndarray:
    """Invert the dipole field by weighted least squares with an L2 penalty on the gradient.

    Conjugate gradients on the normal equations of |W(D chi - f)|^2 + w^2 |grad chi|^2, the linear
    core of MEDI (Liu et al., Magn Reson Med 2011;66:777): voxels where the phase is not to be
    trusted, inside a microbleed above all, weigh less and streak less.

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
    precision
        How far each voxel's field is trusted (X, Y, Z), 0 to 1 (the magnitude will do); by
        default the mask.
    weight
        Weight w of the penalty, without unit.
    iterations
        Steps of the conjugate gradients.

    Returns
    -------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm, float32, zero outside the mask.

    """
    padded = padded_shape(field_ppm.shape, 1.25)
    kernel = dipole_kernel(padded, voxel_mm, b0_direction)
    penalty = weight**2 * gradient_energy(padded, voxel_mm)
    trust = np.zeros(padded, dtype=np.float32)
    box = tuple(slice(n) for n in field_ppm.shape)
    trust[box] = mask if precision is None else precision * mask
    squared = trust**2

    def normal(chi: np.ndarray) -> np.ndarray:
        spectrum = fft.rfftn(chi)
        field = squared * fft.irfftn(kernel * spectrum, s=padded)
        return fft.irfftn(kernel * fft.rfftn(field) + penalty * spectrum, s=padded)

    data = np.zeros(padded, dtype=np.float32)
    data[box] = field_ppm
    residual = fft.irfftn(kernel * fft.rfftn(squared * data), s=padded)
    chi, step, power = np.zeros_like(residual), residual, float(np.vdot(residual, residual))
    for _ in range(iterations):
        if power == 0:
            break
        image = normal(step)
        length = power / float(np.vdot(step, image))
        chi += np.float32(length) * step
        residual = residual - np.float32(length) * image
        previous, power = power, float(np.vdot(residual, residual))
        step = residual + np.float32(power / previous) * step
    return (chi[box] * mask).astype(np.float32)
