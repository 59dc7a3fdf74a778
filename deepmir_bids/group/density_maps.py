"""Where in the template's space the lesions of a cohort lie."""

from __future__ import annotations

import numpy as np

#: FWHM of the Gaussian that each lesion becomes.
FWHM_MM = 8.0
SPACING_MM = 2.0
#: Grid of 2 mm around an MNI152 brain: its first voxel's centre (RAS+ mm), and its shape.
ORIGIN_MM = (-98.0, -134.0, -72.0)
SHAPE = (99, 117, 95)


def grid_affine() -> np.ndarray:
    """Affine (4, 4) of the grid, to RAS+ mm."""
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = ORIGIN_MM
    return affine


def lesion_density(points: np.ndarray, participants: int) -> tuple[np.ndarray, int]:
    """Smooth lesions into a density.

    Parameters
    ----------
    points
        Of the lesions in MNI mm, shape (N, 3).
    participants
        How many they were found in, those without any lesion included.

    Returns
    -------
    density : float32 array of `SHAPE`
        Lesions per participant and mL. Its integral over the grid is the number of lesions per
        participant: smoothing reflects at the edge of the grid, so that nothing is lost.
    n : int
        How many of the points lie within the grid; the others are not in the density.

    """
    from scipy.ndimage import gaussian_filter

    known = points[np.isfinite(points).all(axis=1)]
    voxels = np.rint((known - ORIGIN_MM) / SPACING_MM).astype(int)
    voxels = voxels[((voxels >= 0) & (voxels < SHAPE)).all(axis=1)]
    counts = np.zeros(SHAPE)
    np.add.at(counts, tuple(voxels.T), 1)
    sigma = FWHM_MM / np.sqrt(8 * np.log(2)) / SPACING_MM
    smooth = gaussian_filter(counts, sigma, mode='reflect')
    per_ml = smooth / (max(participants, 1) * SPACING_MM**3 / 1000)
    return per_ml.astype(np.float32), len(voxels)
