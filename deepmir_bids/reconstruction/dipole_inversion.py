"""Susceptibility from a field map: the dipole kernel and its inversion.

Plain functions of arrays, as fit for a scanner's field map as for a simulated one.
"""

from collections.abc import Sequence

import numpy as np
from scipy import fft

#: Three numbers, one an axis.
Vector = Sequence[float] | np.ndarray

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


def padded_shape(shape: Sequence[int], factor: float) -> tuple[int, ...]:
    """Return a shape at least ``factor`` times as large that transforms fast."""
    return tuple(fft.next_fast_len(int(np.ceil(n * factor)), real=True) for n in shape)


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
        Where the field is known; the result is zero elsewhere.
    threshold
        Smallest magnitude of the kernel that is divided by.

    Returns
    -------
    Susceptibility in ppm, float32, zero outside the mask.
    """
    padded = padded_shape(field_ppm.shape, 1.25)
    kernel = dipole_kernel(padded, voxel_mm, b0_direction)
    safe = np.where(np.abs(kernel) < threshold, np.copysign(np.float32(threshold), kernel), kernel)
    shrinkage = float(np.mean(kernel / safe))
    return _filter(field_ppm * mask, padded, 1 / (safe * shrinkage)) * mask


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

    Parameters and result are as for `invert_truncated`; ``weight`` has no unit.
    """
    padded = padded_shape(field_ppm.shape, 1.25)
    kernel = dipole_kernel(padded, voxel_mm, b0_direction)
    power = kernel**2 + weight**2 * (1 + _gradient_energy(padded, voxel_mm)) / 2
    return _filter(field_ppm * mask, padded, kernel / power) * mask


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
    precision
        How far each voxel's field is trusted, 0 to 1 (the magnitude will do); by default the mask.
    iterations
        Steps of the conjugate gradients.

    The others, and the result, are as for `invert_truncated`.
    """
    padded = padded_shape(field_ppm.shape, 1.25)
    kernel = dipole_kernel(padded, voxel_mm, b0_direction)
    penalty = weight**2 * _gradient_energy(padded, voxel_mm)
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


def _gradient_energy(shape: Sequence[int], voxel_mm: Vector) -> np.ndarray:
    """Return the spectrum of the squared finite-difference gradient, scaled to mean 1."""
    steps = [fft.fftfreq(n) for n in shape[:2]] + [fft.rfftfreq(shape[2])]
    parts = [
        (4 * np.sin(np.pi * f) ** 2 / d**2).astype(np.float32)
        for f, d in zip(steps, voxel_mm, strict=True)
    ]
    energy = parts[0][:, None, None] + parts[1][:, None] + parts[2]
    return energy / energy.mean()


def _filter(image: np.ndarray, padded: Sequence[int], response: np.ndarray) -> np.ndarray:
    """Return the image multiplied by a response in k-space, on its own grid."""
    spectrum = fft.rfftn(image.astype(np.float32), s=padded)
    filtered = fft.irfftn(spectrum * response, s=padded)
    return filtered[tuple(slice(n) for n in image.shape)].astype(np.float32)
