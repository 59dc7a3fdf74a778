"""Susceptibility from a local field by weighted least squares, with total variation."""

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import Vector, padded_shape


def invert_tv(
    field_ppm: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    precision: np.ndarray | None = None,
    weight: float = 1e-3,
    iterations: int = 30,
) -> np.ndarray:
    """Invert the dipole field with a penalty on the total variation of the susceptibility.

    Minimises |W (D chi - f)|^2 / 2 + w |grad chi|_1 by alternating directions, with one auxiliary
    variable for the gradient and one for the field, so that every step has a closed form (Bilgic
    et al., Magn Reson Med 2014;72:1444; Milovic et al., Magn Reson Med 2018;80:814).

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
        How far each voxel's field is trusted (X, Y, Z), 1 being usual; by default the mask.
    weight
        Weight w of the penalty in ppm.
    iterations
        Steps.

    Returns
    -------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm, float32, zero outside the mask.

    """
    shape = padded_shape(field_ppm.shape, 1.15)
    kernel = dipole_kernel(shape, voxel_mm, b0_direction)
    box = tuple(slice(n) for n in field_ppm.shape)
    steps = [np.float32(min(voxel_mm) / v) for v in voxel_mm]
    trust, data = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    trust[box] = (mask if precision is None else precision * mask) ** 2
    data[box] = field_ppm * mask
    data *= trust
    # The stiffness of the gradient's auxiliary variable, in proportion to the penalty, and of the
    # field's: as the second paper advises.
    stiff = np.float32(100 * weight)
    system = stiff * _gradient_power(shape, steps) + kernel**2
    system[0, 0, 0] = 1
    chi = np.zeros(shape, np.float32)
    model = np.zeros(shape, np.float32)
    slack = np.zeros(shape, np.float32)
    slopes = [np.zeros(shape, np.float32) for _ in range(3)]
    for _ in range(iterations):
        # The field between what was measured and what the susceptibility gives.
        known = (data + model + slack) / (trust + 1)
        slack += model - known
        target = np.zeros(shape, np.float32)
        for axis, step in enumerate(steps):
            slope = _difference(chi, axis, step) + slopes[axis]
            kept = np.sign(slope) * np.maximum(np.abs(slope) - np.float32(weight) / stiff, 0)
            slopes[axis] = slope - kept
            target += _adjoint(kept - slopes[axis], axis, step)
        spectrum = (stiff * fft.rfftn(target) + kernel * fft.rfftn(known - slack)) / system
        chi = fft.irfftn(spectrum, s=shape)
        model = fft.irfftn(kernel * spectrum, s=shape)
    return (chi[box] * mask).astype(np.float32)


def _difference(image: np.ndarray, axis: int, step: np.float32) -> np.ndarray:
    return (np.roll(image, -1, axis) - image) * step


def _adjoint(slope: np.ndarray, axis: int, step: np.float32) -> np.ndarray:
    return (np.roll(slope, 1, axis) - slope) * step


def _gradient_power(shape: tuple[int, ...], steps: list[np.float32]) -> np.ndarray:
    """Return the spectrum of the squared difference operator on the grid of ``rfftn``."""
    frequencies = [fft.fftfreq(n) for n in shape[:2]] + [fft.rfftfreq(shape[2])]
    parts = [
        (4 * np.sin(np.pi * f) ** 2 * s**2).astype(np.float32)
        for f, s in zip(frequencies, steps, strict=True)
    ]
    return parts[0][:, None, None] + parts[1][:, None] + parts[2]
