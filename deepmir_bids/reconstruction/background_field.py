"""Removal of the background field: V-SHARP, and SHARP with one radius."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.kspace_filter import Vector, padded_shape


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
        Where the phase is known (X, Y, Z).
    voxel_mm
        Voxel sizes in mm.
    radii_mm
        Radii of the spheres, largest first. One radius makes it SHARP.
    threshold
        Spectral values of the largest kernel below it are not divided by.

    Returns
    -------
    local
        Phase or field (X, Y, Z) of the sources inside the mask, float32 in the input's unit, zero
        where it is not known.
    known
        Where it is known: the mask eroded by the smallest sphere.

    Raises
    ------
    ValueError
        If there is no radius.

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
