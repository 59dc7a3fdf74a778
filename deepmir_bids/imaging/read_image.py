"""Volumes as they come from a scanner: what is checked and what is made uniform."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.large_volumes import box_of, slabs
from deepmir_bids.imaging.nifti_file import explained, read_grid, read_image
from deepmir_bids.imaging.voxel_order import (
    CORNER_TOLERANCE_MM,
    in_canonical_order,
    right_angled,
    turned_to,
)

if TYPE_CHECKING:
    import nibabel as nib

#: An sform and a qform that place a corner of the volume further apart than this contradict.
FORM_TOLERANCE_MM = 1.0
#: ITK knows no shear: one that moves no corner by more than this need not be straightened.
SHEAR_TOLERANCE_MM = 0.005
#: No voxel is wider, and no volume further from the scanner's centre.
FURTHEST_MM = 1e5
#: More non-finite voxels than this and the image is not merely masked: a small brain of a litre
#: fills 4 % of a field of view of 30 cm.
MAX_NONFINITE = 0.98
#: A mask is widened by shifting it so many times, or less, in less time than by its distances.
MOST_SHIFTS = 200


def load_volume(
    path: str | Path, read: tuple[Any, np.ndarray] | None = None
) -> tuple[nib.Nifti1Image, list[str]]:
    """Read one 3D image, or say in a sentence why it cannot be used.

    The result is float32 with shape (X, Y, Z), finite, and has one orientation: its qform and
    sform agree, so that ITK and nibabel see the same world. It is the same however the file stores
    its voxels: in canonical order.

    Parameters
    ----------
    path
        A NIfTI file, compressed or not.
    read
        What `read_image` gave for it, if it was read already.

    Returns
    -------
    image
        The volume, in canonical (RAS) order.
    notes
        One sentence for each thing that was mended.

    Raises
    ------
    InputError
        The file is damaged, not 3D, constant, without orientation, or not finite.

    """
    path = Path(path)
    image, data = read or read_image(path)
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
    return in_canonical_order(data, affine), notes + mended


def own_affine(path: Path) -> np.ndarray:
    """Affine, in mm, of a volume that `load_volume` can read, in the order of its file."""
    affine, _ = _orientation(read_grid(path), path)
    return affine


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

    affine = in_mm(image)
    sound = np.isfinite(affine).all() and abs(affine).max() < FURTHEST_MM
    if not sound or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise InputError(f'{path} has an unusable affine: convert it again.')
    axes = affine[:3, :3] / voxel_sizes(affine)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=0.01):
        raise InputError(f'{path} has a sheared affine: resample it to a right-angled grid.')

    affine, notes = _right_angled(affine, image.shape[:3], path.name)
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    if not sform_code and not qform_code:
        raise InputError(
            f'{path} has neither qform nor sform, so left and right are unknown: '
            'convert it again with dcm2niix, or set its qform.'
        )
    if sform_code and qform_code:
        scale = _mm_per_unit(image)
        apart = _largest_distance(sform * scale, qform * scale, image.shape[:3])
        if apart > FORM_TOLERANCE_MM:
            note = (
                f'{path.name}: qform and sform differ by up to {apart:.1f} mm; '
                'the sform is used (set them equal to silence this).'
            )
            return affine, [note, *notes]
    return affine, notes


def _right_angled(affine: np.ndarray, shape, name: str) -> tuple[np.ndarray, list[str]]:
    """Straighten a slight shear around the centre, so that nibabel and ITK see one place."""
    from nibabel.affines import voxel_sizes

    zooms = voxel_sizes(affine)
    straight = affine.copy()
    straight[:3, :3] = right_angled(affine[:3, :3] / zooms) * zooms
    centre = (np.array(shape) - 1) / 2
    straight[:3, 3] += (affine - straight)[:3, :3] @ centre
    moved = _largest_distance(affine, straight, shape)
    if moved < SHEAR_TOLERANCE_MM:
        return affine, []
    note = (
        f'{name}: the axes are not quite at right angles and were straightened, which moves '
        f'voxels by up to {moved:.2f} mm.'
    )
    return straight, [note]


def _largest_distance(one: np.ndarray, other: np.ndarray, shape) -> float:
    """How far apart, in mm, two affines place a corner of a volume."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1)
    between = one - other
    return float(np.linalg.norm(between[:3, :3] @ corners + between[:3, 3:], axis=0).max())


def in_mm(image) -> np.ndarray:
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
    """Read an image that has to be on the grid of another one, in whatever order it is stored.

    Returns
    -------
    array
        float32 of shape (X, Y, Z), in the order of the other one.

    Raises
    ------
    InputError
        If it is on another grid, or cannot be read.

    """
    import nibabel as nib

    path = Path(path)
    image, data = read_image(path)
    if image.ndim > 2 and data.size == np.prod(image.shape[:3]):
        volume = nib.Nifti1Image(data.reshape(image.shape[:3]), image.affine)
        with explained(path):
            volume = turned_to(volume, reference.affine)
        if same_grid(volume, reference):
            return np.asarray(volume.dataobj)
    raise InputError(
        f'{path} is not on the grid of {reference.get_filename()}: '
        'resample it, to the nearest neighbour if it holds labels.'
    )


def same_grid(image: nib.Nifti1Image, reference: nib.Nifti1Image) -> bool:
    """Whether two images have the same shape and, but for what is rounded, the same affine."""
    return image.shape[:3] == reference.shape[:3] and np.allclose(
        image.affine, reference.affine, atol=[1e-3, 1e-3, 1e-3, CORNER_TOLERANCE_MM]
    )


def dilate(mask: np.ndarray, affine: np.ndarray, radius_mm: float) -> np.ndarray:
    """Widen a mask by a distance in mm, whatever the voxels' shape."""
    from nibabel.affines import voxel_sizes
    from scipy.ndimage import distance_transform_edt

    zooms, mask = voxel_sizes(affine), mask.astype(bool)
    if not mask.any():  # nothing to be distant from
        return mask
    reach = [
        min(math.ceil(radius_mm / side), n) for side, n in zip(zooms, mask.shape, strict=True)
    ]
    ball = np.ones([2 * n + 1 for n in reach], dtype=bool)
    ball[tuple(reach)] = False
    ball = distance_transform_edt(ball, sampling=zooms) <= radius_mm
    wide = np.zeros_like(mask)
    box = box_of(mask, np.array(reach))
    mask, inside = mask[box], wide[box]
    if ball.sum() > MOST_SHIFTS:
        # What is further than the radius does not count: neither beyond a slab and its halo.
        for slab in slabs(mask.shape):
            start, stop = max(slab.start - reach[0], 0), slab.stop + reach[0]
            if mask[start:stop].any():
                away_mm = distance_transform_edt(~mask[start:stop], sampling=zooms)
                inside[slab] = away_mm[slab.start - start :][: slab.stop - slab.start] <= radius_mm
        return wide
    padded = np.pad(mask, [(n, n) for n in reach])
    for offset in np.argwhere(ball):
        inside |= padded[tuple(slice(o, o + n) for o, n in zip(offset, mask.shape, strict=True))]
    return wide
