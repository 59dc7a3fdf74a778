"""Bring an image to another grid: linearly, without aliasing, and of measured voxels alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.imaging.large_volumes import slabwise
from deepmir_bids.imaging.read_image import same_grid

if TYPE_CHECKING:
    import nibabel as nib

#: Smoothing of less than this many voxels is left out.
LEAST_SIGMA = 0.1


def resample(
    image: np.ndarray,
    matrix: np.ndarray,
    offset: Sequence[float] | np.ndarray,
    shape: Sequence[int],
    measured: np.ndarray | None = None,
    mode: str = 'nearest',
) -> np.ndarray:
    """Sample an image linearly on a grid.

    Where the grid is coarser than the image, the image is smoothed first (scikit-image's rule). Of
    an image with unmeasured voxels, only the others count (a normalised convolution).

    Parameters
    ----------
    image
        Array (X, Y, Z).
    matrix, offset
        Voxel ``w`` of the grid is voxel ``matrix @ w + offset`` of the image; 3x3, and 3.
    shape
        Of the grid.
    measured
        bool (X, Y, Z); all of them if it is not given.
    mode
        What lies beyond the image, as in ``scipy.ndimage``.

    Returns
    -------
    array
        float32 of ``shape``; NaN where measured voxels make up less than half of a sample.

    """
    if measured is None or measured.all():
        return _sample(image, matrix, offset, shape, mode)
    weight = _sample(measured.astype(np.float32), matrix, offset, shape, mode)
    values = slabwise(lambda image, measured: np.where(measured, image, 0), image, measured)
    values = _sample(values, matrix, offset, shape, mode)
    return slabwise(
        lambda values, weight: np.where(weight >= 0.5, values / np.maximum(weight, 0.5), np.nan),
        values,
        weight,
    )


def resample_to_image(image: nib.Nifti1Image, reference: nib.Nifti1Image) -> nib.Nifti1Image:
    """Bring an image to another's grid through their affines.

    Blocks of exact zeros, as outside a QSM's mask, are taken for unmeasured: they do not blend
    into the values beside them. What was not measured, or lies outside the field of view, is 0.
    """
    import nibabel as nib

    if same_grid(image, reference):
        return image
    values = image.get_fdata(dtype=np.float32)
    to_image = np.linalg.inv(image.affine) @ reference.affine
    # Padded with what was not measured, so that nothing beyond the field of view counts.
    padded = np.pad(values, 1)
    measured = np.pad(measured_voxels(values), 1)
    matrix, offset = nib.affines.to_matvec(to_image)
    sampled = resample(padded, matrix, offset + 1, reference.shape[:3], measured, mode='constant')
    return nib.Nifti1Image(np.nan_to_num(sampled), reference.affine, reference.header)


def measured_voxels(image: np.ndarray) -> np.ndarray:
    """Where an image (X, Y, Z) is finite, and not in a block of zeros; a lone 0 is a value.

    A block has two voxels along each axis. This is a binary opening, axis by axis, in a tenth of
    the time that scipy's takes.
    """
    zero = image == 0
    axes = range(image.ndim)
    for axis in axes:
        first, second = _ends(zero, axis)
        pairs = np.zeros_like(zero)
        _ends(pairs, axis)[1][...] = first & second
        zero = pairs
    for axis in axes:
        block = zero.copy()
        _ends(block, axis)[0][...] |= _ends(zero, axis)[1]
        zero = block
    return np.isfinite(image) & ~zero


def _ends(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """All but the last and all but the first of an array's slices."""
    along = np.moveaxis(array, axis, 0)
    return along[:-1], along[1:]


def _sample(image, matrix, offset, shape, mode: str) -> np.ndarray:
    from scipy.ndimage import affine_transform, gaussian_filter

    # How many voxels of the image a step of the grid takes, along each of the image's axes.
    step = np.linalg.norm(matrix, axis=1)
    sigma = np.maximum(step - 1, 0) / 2
    image = image.astype(np.float32, copy=False)
    if sigma.max() > LEAST_SIGMA:
        image = gaussian_filter(image, sigma)
    return affine_transform(image, matrix, offset, tuple(shape), order=1, mode=mode)
