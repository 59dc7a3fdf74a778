"""How noisy an image is."""

from __future__ import annotations

import numpy as np

#: Takes out everything that changes linearly along a row or a column.
_KERNEL = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
#: Standard deviation over median absolute value, for normal noise.
_MAD_TO_SD = 1.4826


def relative_noise(image: np.ndarray, mask: np.ndarray) -> float:
    """Return the noise of an image as a share of its median signal.

    The standard deviation comes from second differences within slices (Immerkaer, Comput Vis Image
    Underst 1996;64:300), by their median: edges and vessels hardly count.

    Parameters
    ----------
    image, mask
        Values and brain, shape (X, Y, Z).

    """
    from scipy.ndimage import convolve

    inside = np.asarray(mask) > 0
    values = np.asarray(image, dtype=np.float32)
    differences = convolve(values, _KERNEL[..., None].astype(np.float32), mode='nearest')
    noise = _MAD_TO_SD * np.median(np.abs(differences[inside])) / np.linalg.norm(_KERNEL)
    return float(noise / np.median(values[inside]))
