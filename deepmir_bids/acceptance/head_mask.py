"""A brain mask of a slab or a crop, which no template fits: by the signal alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Signal is smoothed so far, so that veins do not become holes.
SMOOTH_MM = 1.5
#: A thin bridge of the skull is cut by an erosion of this width.
BRIDGE_MM = 3.0
#: Below this share of the tissue's signal is air.
AIR = 0.4


def brain_by_signal(image: np.ndarray, voxel_mm: Sequence[float]) -> np.ndarray:
    """Return the largest bright, connected part of a magnitude; bool (X, Y, Z).

    In a crop that lies within the brain it is all of it. Skull and scalp of a slab that has them
    are cut off where they hang together with the brain by thin bridges alone; the mask is good
    enough to put lesions into its middle, and no measure of the brain.

    Examples
    --------
    >>> slab = np.zeros((20, 20, 8))
    >>> slab[4:16, 4:16] = 100
    >>> int(brain_by_signal(slab, (2, 2, 2)).sum()) > 1000
    True

    """
    from scipy.ndimage import (
        binary_fill_holes,
        binary_opening,
        gaussian_filter,
        generate_binary_structure,
        iterate_structure,
        label,
    )

    smooth = gaussian_filter(np.maximum(image, 0), [SMOOTH_MM / side for side in voxel_mm])
    bright = smooth > AIR * np.percentile(smooth, 90)
    steps = max(1, round(BRIDGE_MM / 2 / float(np.median(voxel_mm))))
    ball = iterate_structure(generate_binary_structure(3, 1), steps)
    # Beyond the edges of a crop the brain goes on.
    padded = np.pad(bright, steps, mode='edge')
    opened = binary_opening(padded, ball)[(slice(steps, -steps),) * 3]
    parts, number = label(opened)
    if not number:
        return opened
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return np.stack([binary_fill_holes(one) for one in np.moveaxis(largest, 2, 0)], axis=2)
