"""Volumes as they come from a scanner: what is checked and what is made uniform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.nifti_file import explained, read_image

if TYPE_CHECKING:
    import nibabel as nib

#: An sform and a qform that place a corner of the volume further apart than this contradict.
FORM_TOLERANCE_MM = 1.0
#: No voxel is wider, and no volume further from the scanner's centre.
FURTHEST_MM = 1e5
#: More non-finite voxels than this and the image is not merely masked.
MAX_NONFINITE = 0.8


def load_volume(path: str | Path) -> tuple[nib.Nifti1Image, list[str]]:
    """Read one 3D image, or say in a sentence why it cannot be used.

    The result is float32 with shape (X, Y, Z), finite, and has one orientation: its qform and
    sform agree, so that ITK and nibabel see the same world.

    Parameters
    ----------
    path
        A NIfTI file, compressed or not.

    Returns
    -------
    image
        The volume, on the grid of the file.
    notes
        One sentence for each thing that was mended.

    Raises
    ------
    InputError
        The file is damaged, not 3D, constant, without orientation, or not finite.

    """
    import nibabel as nib

    path = Path(path)
    image, data = read_image(path)
    data = _three_axes(data, path)
    with explained(path):
        affine, notes = _orientation(image, path)
    if np.issubdtype(image.get_data_dtype(), np.complexfloating):
        notes.append(f'{path.name} holds complex numbers: their magnitude is used.')
    data, mended = _finite(data, path)
    if float(data.min()) == float(data.max()):
        raise InputError(
            f'{path} holds a single value ({float(data.min()):g}) in every voxel: '
            'check its conversion, or leave it out with --inputs.'
        )
    volume = nib.Nifti1Image(data, affine)
    volume.set_qform(affine, code=1)
    volume.set_sform(affine, code=1)
    volume.header.set_xyzt_units('mm')
    return volume, notes + mended


def _three_axes(data: np.ndarray, path: Path) -> np.ndarray:
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if (
        data.ndim == 4
        and data.shape[-1] == 2
        and float(data.min()) < 0 <= float(data[..., 0].min())
    ):
        raise InputError(f'{path} holds a magnitude and a phase image: give the magnitude alone.')
    if data.ndim != 3 or min(data.shape) < 2:
        raise InputError(
            f'{path} has shape {"×".join(map(str, data.shape))} where one 3D volume is needed: '
            'choose another file with --bids-filter-file.'
        )
    return data


def _orientation(image, path: Path) -> tuple[np.ndarray, list[str]]:
    """Affine to trust, with a note where the header's two disagree."""
    from nibabel.affines import voxel_sizes

    affine = _in_mm(image)
    sound = np.isfinite(affine).all() and abs(affine).max() < FURTHEST_MM
    if not sound or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise InputError(f'{path} has an unusable affine: convert it again.')
    axes = affine[:3, :3] / voxel_sizes(affine)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=0.01):
        raise InputError(f'{path} has a sheared affine: resample it to a right-angled grid.')

    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    if not sform_code and not qform_code:
        raise InputError(
            f'{path} has neither qform nor sform, so left and right are unknown: '
            'convert it again with dcm2niix, or set its qform.'
        )
    if sform_code and qform_code:
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]])).reshape(3, -1)
        between = (sform - qform) * _mm_per_unit(image)
        apart = np.linalg.norm(between[:3, :3] @ corners + between[:3, 3:], axis=0)
        if apart.max() > FORM_TOLERANCE_MM:
            note = (
                f'{path.name}: qform and sform differ by up to {apart.max():.1f} mm; '
                'the sform is used (set them equal to silence this).'
            )
            return affine, [note]
    return affine, []


def _in_mm(image) -> np.ndarray:
    """Affine of an image in mm, whatever unit its header names."""
    scale = _mm_per_unit(image)
    return np.diag([scale, scale, scale, 1.0]) @ image.affine


def _mm_per_unit(image) -> float:
    try:
        unit = image.header.get_xyzt_units()[0]
    except (AttributeError, KeyError):
        return 1.0
    return {'meter': 1000.0, 'micron': 0.001}.get(unit, 1.0)


def _finite(data: np.ndarray, path: Path) -> tuple[np.ndarray, list[str]]:
    wrong = ~np.isfinite(data)
    share = wrong.mean()
    if share > MAX_NONFINITE:
        raise InputError(
            f'{path} is NaN or infinite in {share:.0%} of its voxels: '
            'check its conversion, or leave it out with --inputs.'
        )
    if not share:
        return data, []
    return np.where(wrong, 0, data), [
        f'{path.name}: {int(wrong.sum())} NaN or infinite voxels were set to 0.'
    ]


def read_on_grid(path: str | Path, reference: nib.Nifti1Image) -> np.ndarray:
    """Read an image that has to be on the grid of another one.

    Returns
    -------
    array
        float32 of shape (X, Y, Z).

    Raises
    ------
    InputError
        If it is on another grid, or cannot be read.

    """
    image, data = read_image(Path(path))
    grid = reference.shape[:3]
    if not same_grid(image, reference) or data.size != np.prod(grid):
        raise InputError(
            f'{path} is not on the grid of {reference.get_filename()}: '
            'resample it, to the nearest neighbour if it holds labels.'
        )
    return data.reshape(grid)


def same_grid(image: nib.Nifti1Image, reference: nib.Nifti1Image) -> bool:
    """Whether two images have the same shape and, to a micrometre, the same affine."""
    return image.shape[:3] == reference.shape[:3] and np.allclose(
        image.affine, reference.affine, atol=1e-3
    )


def dilate(mask: np.ndarray, affine: np.ndarray, radius_mm: float) -> np.ndarray:
    """Widen a mask by a distance in mm, whatever the voxels' shape."""
    from nibabel.affines import voxel_sizes
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(~mask.astype(bool), sampling=voxel_sizes(affine)) <= radius_mm
