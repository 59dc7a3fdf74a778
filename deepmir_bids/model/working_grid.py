"""The grid on which a network sees its images.

It is the SWI's own, turned to canonical (RAS) axis order: cropped to the brain and scaled to the
card's spacing for a 3D network, padded for a network that takes whole axial slices. It is never
rotated, so every step is separable and exactly undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WorkingGrid:
    """Where a working grid lies in its SWI.

    Voxel ``w`` of the working grid is voxel ``start + step * w`` of the canonical SWI.
    """

    shape: tuple[int, ...]
    start: np.ndarray
    step: np.ndarray
    canonical_shape: tuple[int, ...]
    orientation: np.ndarray

    def locate(self, voxel: np.ndarray) -> np.ndarray:
        """Nearest working voxel of a ``voxel`` (i, j, k) of the SWI."""
        canonical = np.empty(3)
        for axis, (to, flip) in enumerate(self.orientation.astype(int)):
            last = self.canonical_shape[to] - 1
            canonical[to] = voxel[axis] if flip > 0 else last - voxel[axis]
        return np.round((canonical - self.start) / self.step).astype(int)


def working_grid(
    brain_mask: np.ndarray, affine: np.ndarray, spacing_mm: Sequence[float], margin_mm: float
) -> WorkingGrid:
    """Lay a working grid around the brain.

    Parameters
    ----------
    brain_mask
        Bool array (X, Y, Z) on the SWI's grid.
    affine
        Of the SWI (4, 4).
    spacing_mm
        Voxel size in canonical (RAS) axis order.
    margin_mm
        How far the grid reaches beyond the brain, within the SWI.

    Raises
    ------
    ValueError
        If the brain mask is empty.

    """
    import nibabel as nib

    if not brain_mask.any():
        raise ValueError('The brain mask is empty.')
    orientation = nib.orientations.io_orientation(affine)
    mask = nib.orientations.apply_orientation(brain_mask, orientation)
    zooms = nib.affines.voxel_sizes(affine)[np.argsort(orientation[:, 0])]
    step = np.asarray(spacing_mm, dtype=float) / zooms
    lowest, highest = [], []
    for axis in range(3):
        occupied = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        margin = margin_mm / zooms[axis]
        lowest.append(max(occupied[0] - margin, 0))
        highest.append(min(occupied[-1] + margin, mask.shape[axis] - 1))
    start = np.asarray(lowest, dtype=float)
    shape = tuple(int(n) for n in np.floor((highest - start) / step + 1e-6) + 1)
    return WorkingGrid(shape, start, step, mask.shape, orientation)
