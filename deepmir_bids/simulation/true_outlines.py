"""What a reader would outline: where the SWI is darker than it would be without the lesions."""

import numpy as np
from scipy import ndimage

from deepmir_bids import CLASSES
from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.small_sources import LocalSource

#: Share of the surrounding signal that must be lost for a voxel to be outlined.
VISIBLE_LOSS = {'CMB': 0.25, 'iron': 0.15}

#: Nobody outlines less: the volume of a sphere of 1.2 mm, the published 5th percentile.
SMALLEST_MM3 = 0.9


def outline(
    swi: np.ndarray,
    swi_without: np.ndarray,
    noise: float,
    lesions: list[LocalSource],
    voxels: ImageGrid,
) -> np.ndarray:
    """Outline lesions by the signal that they take from an SWI.

    A voxel belongs to a lesion where the loss exceeds `VISIBLE_LOSS` of the signal around it and
    two and a half times the noise, and which is joined by faces to the lesion's own place. The
    dipole's lobes farther away are not the lesion. Of an outline in several pieces the largest is
    kept: a lesion is a single body, and nobody outlines the two voxels beside it.

    Parameters
    ----------
    swi, swi_without
        SWI (X, Y, Z) with the lesions and without them, of the same noise.
    noise
        Standard deviation of the SWI's noise, in the unit of the SWI.
    lesions
        The lesions in ``swi``.
    voxels
        Their grid.

    Returns
    -------
    index
        Each lesion's number, counted from 1, where it is outlined (X, Y, Z), uint16. A lesion
        that cannot be seen has no voxel.

    """
    smallest = max(2, SMALLEST_MM3 / float(np.prod(voxels.spacing)))
    index = np.zeros(swi.shape, dtype=np.uint16)
    for number, lesion in enumerate(lesions, start=1):
        before = swi_without[lesion.box]
        loss = before - swi[lesion.box]
        around = float(np.median(before))
        dark = loss > max(VISIBLE_LOSS[lesion.source.kind] * around, 2.5 * noise)
        near = _neighbourhood(lesion, voxels)
        parts, _ = ndimage.label(dark & near & (index[lesion.box] == 0))
        seeds = np.unique(parts[_core(lesion, near)])
        outlined = _largest(np.isin(parts, seeds[seeds > 0]))
        if outlined.sum() >= smallest:
            index[lesion.box][outlined] = number
    return index


def classes(index: np.ndarray, lesions: list[LocalSource]) -> np.ndarray:
    """Turn lesions' numbers into the values of `deepmir_bids.CLASSES`, uint8."""
    values = [0] + [CLASSES[lesion.source.kind] for lesion in lesions]
    return np.array(values, dtype=np.uint8)[index]


def _largest(mask: np.ndarray) -> np.ndarray:
    """Return the largest piece of a mask, voxels that share a corner being one piece."""
    pieces, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (pieces == sizes.argmax()) & mask


def _neighbourhood(lesion: LocalSource, voxels: ImageGrid) -> np.ndarray:
    """Return the voxels of a lesion's box that can belong to it: near what it fills."""
    filled = _voxel_share(lesion) > 0.02
    if not filled.any():
        return filled
    distance = ndimage.distance_transform_edt(~filled, sampling=voxels.spacing)
    reach = 1.2 if lesion.source.kind == 'iron' else max(1.5, 0.8 * lesion.source.diameter_mm)
    return distance <= reach


def _core(lesion: LocalSource, near: np.ndarray) -> np.ndarray:
    """Return the voxels that the lesion itself fills, and their neighbours."""
    return ndimage.binary_dilation(_voxel_share(lesion) > 0.1) & near


def _voxel_share(lesion: LocalSource) -> np.ndarray:
    """Return how much of each voxel of its box a lesion fills."""
    shape = [s.stop - s.start for s in lesion.box]
    a, b, c = (n // m for n, m in zip(lesion.grid.shape, shape, strict=True))
    x, y, z = shape
    return lesion.occupancy.reshape(x, a, y, b, z, c).mean(axis=(1, 3, 5))
