"""Phase to local field: unwrapping and removal of the background field.

Plain functions of arrays, as fit for a scanner's phase as for a simulated one.
"""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_inversion import Vector, padded_shape


def wrap(phase: np.ndarray) -> np.ndarray:
    """Return the phase in rad wrapped to [-pi, pi)."""
    return (phase + np.pi) % (2 * np.pi) - np.pi


def unwrap_laplacian(
    phase: np.ndarray, mask: np.ndarray, voxel_mm: Vector = (1, 1, 1)
) -> np.ndarray:
    """Unwrap a phase image by solving Poisson's equation for its wrapped differences.

    The discrete Laplacian of the wrapped differences between neighbours within the mask is
    inverted by cosine transforms (Ghiglia & Romero, J Opt Soc Am A 1994;11:107; for phase images,
    Schofield & Zhu, Opt Lett 2003;28:1194). The result is smooth, and right up to a harmonic
    background, which `remove_background` takes away.

    Parameters
    ----------
    phase
        Wrapped phase (X, Y, Z) in rad.
    mask
        Where the phase has a meaning; differences across its rim are not used.
    voxel_mm
        Voxel sizes in mm.

    Returns
    -------
    Unwrapped phase in rad, float32.
    """
    phase = phase.astype(np.float32)
    inside = mask.astype(bool)
    divergence = np.zeros_like(phase)
    denominator = np.zeros(phase.shape, dtype=np.float32)
    for axis, (n, size) in enumerate(zip(phase.shape, voxel_mm, strict=True)):
        difference = wrap(np.diff(phase, axis=axis)) / np.float32(size**2)
        low = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        difference[~(inside[low] & inside[high])] = 0
        divergence[low] += difference
        divergence[high] -= difference
        frequency = (2 * np.cos(np.pi * np.arange(n) / n) - 2) / size**2
        denominator += frequency.astype(np.float32).reshape(
            [n if a == axis else 1 for a in range(3)]
        )
    denominator[0, 0, 0] = 1
    spectrum = fft.dctn(divergence) / denominator
    spectrum[0, 0, 0] = 0
    return fft.idctn(spectrum).astype(np.float32)


def remove_background(
    phase: np.ndarray,
    mask: np.ndarray,
    voxel_mm: Vector,
    radii_mm: Sequence[float] = (8, 6, 4, 2.5),
    threshold: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Remove the field of sources outside the mask by the mean-value property (V-SHARP).

    Schweser et al., NeuroImage 2011;54:2789 for one radius (SHARP); Wu et al., Magn Reson Med
    2012;67:137 for radii that shrink towards the rim.

    Parameters
    ----------
    phase
        Unwrapped phase, or field of any unit, (X, Y, Z).
    mask
        Where it is known.
    radii_mm
        Radii of the spheres, largest first. One radius makes it SHARP.
    threshold
        Spectral values of the largest kernel below it are not divided by.

    Returns
    -------
    The local phase, float32 in the input's unit, and the mask of where it is known: the input mask
    eroded by the smallest sphere. The phase is zero elsewhere.
    """
    padded = padded_shape(phase.shape, 1.1)
    box = tuple(slice(n) for n in phase.shape)
    spectrum = fft.rfftn(phase.astype(np.float32) * mask, s=padded)
    mask_spectrum = fft.rfftn(mask.astype(np.float32), s=padded)
    high_passed = np.zeros(phase.shape, dtype=np.float32)
    known = np.zeros(phase.shape, dtype=bool)
    largest = None
    for radius in radii_mm:
        mean = _sphere_spectrum(padded, voxel_mm, radius)
        if largest is None:
            largest = 1 - mean
        whole = fft.irfftn(mask_spectrum * mean, s=padded)[box] > 0.999
        fresh = whole & ~known
        high_passed[fresh] = fft.irfftn(spectrum * (1 - mean), s=padded)[box][fresh]
        known |= whole
    if largest is None:
        raise ValueError('remove_background needs at least one radius.')
    inverse = np.where(np.abs(largest) > threshold, 1 / np.where(largest == 0, 1, largest), 0)
    local = fft.irfftn(fft.rfftn(high_passed, s=padded) * inverse, s=padded)[box]
    return (local * known).astype(np.float32), known


def _sphere_spectrum(shape: Sequence[int], voxel_mm: Vector, radius_mm: float) -> np.ndarray:
    """Return the transform of a sphere of sum 1 centred at the origin, on the rfftn grid."""
    axes = [fft.fftfreq(n, 1 / n) * d for n, d in zip(shape, voxel_mm, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing='ij', sparse=True)
    sphere = (x**2 + y**2 + z**2 <= radius_mm**2).astype(np.float32)
    return fft.rfftn(sphere / sphere.sum()).real
