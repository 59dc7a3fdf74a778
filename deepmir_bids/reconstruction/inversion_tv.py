"""Susceptibility from a local field by weighted least squares, with total variation."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel
from deepmir_bids.reconstruction.kspace_filter import Vector, padded_shape
from deepmir_bids.reconstruction.tissue_edges import tissue_edges

#: Steps after which fields that the susceptibility does not explain are trusted less, ...
REWEIGHT = 5
#: ... from so many standard deviations of the others on.
OUTLYING = 3.0


def invert_tv(
    field_ppm: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    b0_direction: Vector,
    precision: np.ndarray | None = None,
    magnitude: np.ndarray | None = None,
    weight: float = 3e-4,
    iterations: int = 30,
) -> np.ndarray:
    """Invert the dipole field with a penalty on the total variation of the susceptibility.

    Minimises |W (D chi - f)|^2 / 2 + w |M grad chi|_1 by alternating directions, with one
    auxiliary variable for the gradient and one for the field, so that every step has a closed form
    (Bilgic et al., Magn Reson Med 2014;72:1444; Milovic et al., Magn Reson Med 2018;80:814). M is
    zero at the edges of the magnitude, where susceptibility may change for nothing (Liu et al.,
    NeuroImage 2012;59:2560), and outside the mask: the removal of the background took with it what
    sources near the rim make, up to a field that sources beyond it explain. W falls where a field
    fits no susceptibility, as where unwrapping failed (Liu et al., Magn Reson Med 2013;69:467).

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
    magnitude
        Of the same scan (X, Y, Z), in any unit, with its shading; by default there are no edges.
    weight
        Weight w of the penalty in ppm.
    iterations
        Steps.

    Returns
    -------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm, float32, zero outside the mask.

    """
    inside = mask.astype(bool)
    shape = padded_shape(field_ppm.shape, 1.15)
    kernel = dipole_kernel(shape, voxel_mm, b0_direction)
    box = tuple(slice(n) for n in field_ppm.shape)
    steps = [np.float32(min(voxel_mm) / v) for v in voxel_mm]
    trusted = (inside if precision is None else precision * inside).astype(np.float32)
    trust, data = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    trust[box], data[box] = trusted**2, field_ppm * inside
    # The stiffness of the gradient's auxiliary variable, in proportion to the penalty, and of the
    # field's: as the second paper advises.
    stiff = np.float32(100 * weight)
    shrink = _penalties(inside, magnitude, voxel_mm, shape, float(weight / stiff))
    system = stiff * _gradient_power(shape, steps) + kernel**2
    system[0, 0, 0] = 1
    chi = np.zeros(shape, np.float32)
    model = np.zeros(shape, np.float32)
    slack = np.zeros(shape, np.float32)
    slopes = [np.zeros(shape, np.float32) for _ in range(3)]
    for number in range(iterations):
        if number and number % REWEIGHT == 0:
            misfit = np.abs(field_ppm - model[box]) * trusted
            trust[box] = (trusted * _plausibility(misfit, inside)) ** 2
        # The field between what was measured and what the susceptibility gives.
        known = (trust * data + model + slack) / (trust + 1)
        slack += model - known
        target = np.zeros(shape, np.float32)
        for axis, step in enumerate(steps):
            slope = _difference(chi, axis, step) + slopes[axis]
            kept = np.sign(slope) * np.maximum(np.abs(slope) - shrink[axis], 0)
            slopes[axis] = slope - kept
            target += _adjoint(kept - slopes[axis], axis, step)
        spectrum = (stiff * fft.rfftn(target) + kernel * fft.rfftn(known - slack)) / system
        chi = fft.irfftn(spectrum, s=shape)
        model = fft.irfftn(kernel * spectrum, s=shape)
    return (chi[box] * inside).astype(np.float32)


def _penalties(
    inside: np.ndarray,
    magnitude: np.ndarray | None,
    voxel_mm: Vector,
    shape: Sequence[int],
    height: float,
) -> list[np.ndarray]:
    """Penalty of the step from each voxel to the next along each axis, on the padded grid."""
    box = tuple(slice(n) for n in inside.shape)
    edges = None if magnitude is None else tissue_edges(magnitude, inside, voxel_mm)
    penalties = []
    for axis in range(3):
        within = inside & np.roll(inside, -1, axis)
        if edges is not None:
            within &= ~edges[axis]
        penalty = np.zeros(shape, np.float32)
        penalty[box] = height * within
        penalties.append(penalty)
    return penalties


def _plausibility(misfit: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Factor of each voxel's trust: 1 unless it fits much worse than the others."""
    usual = np.median(misfit[inside]) / 0.6745
    return np.minimum(1, OUTLYING * usual / np.maximum(misfit, 1e-12))


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
