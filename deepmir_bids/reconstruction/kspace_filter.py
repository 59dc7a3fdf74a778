"""Filters in k-space: padding, a real response, and the spectrum of the gradient."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

#: Three numbers, one for each axis.
Vector = Sequence[float] | np.ndarray


def padded_shape(shape: Sequence[int], factor: float) -> tuple[int, ...]:
    """Return a shape at least ``factor`` times as large that transforms fast."""
    return tuple(fft.next_fast_len(int(np.ceil(n * factor)), real=True) for n in shape)


def filter_image(image: np.ndarray, padded: Sequence[int], response: np.ndarray) -> np.ndarray:
    """Multiply an image by a response in k-space.

    Parameters
    ----------
    image
        Real image (X, Y, Z).
    padded
        Shape that the image is padded to with zeros, as `padded_shape` gives it.
    response
        Real response on the grid of ``scipy.fft.rfftn`` of the padded shape.

    Returns
    -------
    filtered
        The filtered image (X, Y, Z), float32.

    """
    spectrum = fft.rfftn(image.astype(np.float32), s=padded)
    filtered = fft.irfftn(spectrum * response, s=padded)
    return filtered[tuple(slice(n) for n in image.shape)].astype(np.float32)


def gradient_energy(shape: Sequence[int], voxel_mm: Vector) -> np.ndarray:
    """Return the spectrum of the squared finite-difference gradient, scaled to mean 1.

    Parameters
    ----------
    shape
        Shape (X, Y, Z) of the image, not of its transform.
    voxel_mm
        Voxel sizes in mm.

    """
    steps = [fft.fftfreq(n) for n in shape[:2]] + [fft.rfftfreq(shape[2])]
    parts = [
        (4 * np.sin(np.pi * f) ** 2 / d**2).astype(np.float32)
        for f, d in zip(steps, voxel_mm, strict=True)
    ]
    energy = parts[0][:, None, None] + parts[1][:, None] + parts[2]
    return energy / energy.mean()
