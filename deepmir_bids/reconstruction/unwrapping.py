"""Laplacian unwrapping of a phase image."""

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.kspace_filter import Vector


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
        Where the phase has a meaning (X, Y, Z); differences across its rim are not used.
    voxel_mm
        Voxel sizes in mm.

    Returns
    -------
    unwrapped
        Unwrapped phase (X, Y, Z) in rad, float32.

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
