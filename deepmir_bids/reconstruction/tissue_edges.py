"""Edges of a magnitude image, where the susceptibility may change, too."""

import numpy as np
from scipy import ndimage

from deepmir_bids.reconstruction.kspace_filter import Vector

#: Share of all steps between neighbours that count as edges, those of the largest contrast.
SHARE = 0.3
#: Shading of the coils is smoother than this, and tissue is not, in mm (standard deviation).
SHADING_MM = 8.0
#: Noise is less than an edge, and is smoothed a little, in voxels (standard deviation).
NOISE_VOXELS = 0.5


def tissue_edges(magnitude: np.ndarray, mask: np.ndarray, voxel_mm: Vector) -> list[np.ndarray]:
    """Find the steps between neighbours of a magnitude that are edges of tissue.

    Parameters
    ----------
    magnitude
        Image (X, Y, Z) of any unit, with its shading.
    mask
        Where to look (X, Y, Z), bool.
    voxel_mm
        Voxel sizes in mm.

    Returns
    -------
    edges
        Of each axis, bool (X, Y, Z): whether the step from a voxel to the next along it is one.

    """
    sigma = [SHADING_MM / size for size in voxel_mm]
    around = ndimage.gaussian_filter((magnitude * mask).astype(np.float32), sigma)
    image = ndimage.gaussian_filter(magnitude.astype(np.float32), NOISE_VOXELS)
    share = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    flat = np.where(mask, image * share / np.maximum(around, np.finfo(np.float32).tiny), 0)
    edges = []
    for axis, size in enumerate(voxel_mm):
        contrast = np.abs(np.roll(flat, -1, axis) - flat) / np.float32(size)
        within = mask & np.roll(mask, -1, axis)
        bound = np.quantile(contrast[within], 1 - SHARE) if within.any() else 0
        edges.append(within & (contrast > bound))
    return edges
