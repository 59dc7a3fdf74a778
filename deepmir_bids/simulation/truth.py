"""What a reader would outline: where the SWI is darker than it would be without the lesions."""

import numpy as np
from scipy import ndimage

from deepmir_bids import CLASSES
from deepmir_bids.simulation.grids import Grid
from deepmir_bids.simulation.sources import LocalSource

#: Share of the surrounding signal that must be lost for a voxel to be outlined.
VISIBLE_LOSS = {'CMB': 0.25, 'iron': 0.15}

#: Nobody outlines less: the volume of a sphere of 1.2 mm, the published 5th percentile.
SMALLEST_MM3 = 0.9


def outline(
    swi: np.ndarray,
    swi_without: np.ndarray,
    noise: float,
    lesions: list[LocalSource],
    voxels: Grid,
) -> tuple[np.ndarray, list[int]]:
    """Outline lesions by the signal that they take from an SWI.

    A voxel belongs to a lesion where the loss exceeds `VISIBLE_LOSS` of the signal around and two and a half
    times the noise, joined (faces) to the lesion's own place. Dipole lobes that darken beyond twice the lesion's
    extent are not the lesion.

    Parameters
    ----------
    swi, swi_without
        SWI (X, Y, Z) with the lesions and without them, of the same noise.
    noise
        Standard deviation of the SWI's noise.
    lesions
        The lesions in ``swi``.
    voxels
        Their grid.

    Returns
    -------
    Labels, uint8, with the values of `deepmir_bids.CLASSES`; and the number of voxels of each lesion, 0 for one
    that cannot be seen.
    """
    voxel_mm3 = float(np.prod(voxels.spacing))
    labels = np.zeros(swi.shape, dtype=np.uint8)
    counts = []
    for lesion in lesions:
        kind, box = lesion.source.kind, lesion.box
        before = swi_without[box]
        around = float(np.median(before))
        loss = before - swi[box]
        dark = loss > max(VISIBLE_LOSS[kind] * around, 2.5 * noise)
        dark &= labels[box] == 0
        near = _neighbourhood(lesion, voxels)
        parts, _ = ndimage.label(dark & near)
        seeds = np.unique(parts[_core(lesion, near)])
        mine = np.isin(parts, seeds[seeds > 0])
        if mine.sum() < max(2, SMALLEST_MM3 / voxel_mm3):
            mine[...] = False
        labels[box][mine] = CLASSES[kind]
        counts.append(int(mine.sum()))
    return labels, counts


def _neighbourhood(lesion: LocalSource, voxels: Grid) -> np.ndarray:
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
