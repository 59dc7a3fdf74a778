"""What keeps the memory for a large volume near that of the volume itself.

An expression of numpy makes a volume of each of its parts, of eight bytes a voxel where one of
its numbers is a float64, and a list of voxels has 24 bytes for each: of an image of .3 mm, .8 and
2.4 GB. So arithmetic is done slab by slab, and a mask is known by its box and its rows' ends.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

#: Voxels of a slab. A common image is one slab, or a few.
SLAB_VOXELS = 4_000_000


def slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut the first axis of a volume into pieces of about `SLAB_VOXELS`."""
    thickness = max(1, SLAB_VOXELS // max(1, int(np.prod(shape[1:]))))
    for start in range(0, shape[0], thickness):
        yield slice(start, min(start + thickness, shape[0]))


def slabwise(
    work: Callable[..., np.ndarray], *volumes: np.ndarray, dtype: Any = np.float32
) -> np.ndarray:
    """Apply to volumes what treats each voxel by itself.

    Parameters
    ----------
    work
        Takes a slab of each of the volumes, and gives an array of the slab's shape.
    volumes
        Arrays (X, …).
    dtype
        Of the result.

    Returns
    -------
    array
        Of the shape of the first volume.

    Examples
    --------
    >>> slabwise(lambda a, b: (a - 0.5) / b, np.ones((4, 2, 2)), np.full((4, 2, 2), 2.0))[0, 0]
    array([0.25, 0.25], dtype=float32)

    """
    result = np.empty(volumes[0].shape, dtype)
    for slab in slabs(result.shape):
        result[slab] = work(*(volume[slab] for volume in volumes))
    return result


def box_of(mask: np.ndarray, margin: np.ndarray | int = 0) -> tuple[slice, ...]:
    """The box that holds all of a mask, with a margin in voxels, inside the volume.

    Raises
    ------
    ValueError
        If the mask is empty.

    """
    margins = np.broadcast_to(margin, mask.ndim)
    box = []
    for axis, beside in enumerate(margins):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        if not occupied.size:
            raise ValueError('The mask is empty.')
        first, last = int(occupied[0] - beside), int(occupied[-1] + beside)
        box.append(slice(max(first, 0), min(last + 1, mask.shape[axis])))
    return tuple(box)


def row_ends(mask: np.ndarray) -> np.ndarray:
    """Voxels (N, 3) where a row of a mask begins or ends, along its last axis.

    Whatever is linear in the voxel, or convex, has its extremes among them.
    """
    rows = np.argwhere(mask.any(axis=-1))
    values = mask[tuple(rows.T)]
    ends = values.argmax(axis=1), values.shape[1] - 1 - values[:, ::-1].argmax(axis=1)
    return np.concatenate([np.column_stack([rows, end]) for end in ends])


@functools.cache
def count_voxels(path: Path) -> int:
    """Voxels of an image by its header; 0 if it has none, which is told where it is read."""
    import nibabel as nib

    try:
        return math.prod(nib.load(path).shape)  # type: ignore[attr-defined]
    except Exception:
        return 0
