"""The order in which voxels are stored: one for all that is computed, the SWI's own for results.

Where an image begins decides which points a registration looks at and how a sum is rounded, and a
rounded number in a header is enough to send a registration another way, within its error. So every
image is turned to canonical (RAS) order as it is read, its affine is made the same for every way
of storing it, and results are turned back as they are published.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import nibabel as nib

#: A header's numbers have seven digits: rounded to these steps, the cosines of the axes and the
#: place of the centre are the same wherever the voxels begin, but for a tie in one image of 200
#: (33 of 8,000 drawn at random; one of 9 where a qform alone turns an oblique image by nearly half
#: a circle, for its angles have fewer digits).
COSINE_STEP, CENTRE_STEP_MM, ZOOM_DIGITS = 2**-16, 2**-7, 6
#: No corner of a volume moves by more than this; .01 mm was the most of these.
CORNER_TOLERANCE_MM = 0.02


def plain_image(data: np.ndarray, affine: np.ndarray, header=None) -> nib.Nifti1Image:
    """Image in mm with one orientation: its qform and sform agree."""
    import nibabel as nib

    image = nib.Nifti1Image(data, None, header)  # an affine here would be set twice
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units('mm')
    return image


def in_canonical_order(data: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    """Image of an array (X, Y, Z) that is the same, bit for bit, for each way of storing it."""
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    # As nibabel's as_closest_canonical, without the headers of two images on the way.
    turn = io_orientation(affine)
    turned = apply_orientation(data, turn)
    affine = affine @ inv_ornt_aff(turn, data.shape)
    # Sums go along the memory, so that has to be in order as well.
    return plain_image(np.asfortranarray(turned), _rounded(affine, turned.shape))


def load_in_canonical_order(path: str | Path) -> nib.Nifti1Image:
    """An image that a run is computing, which is in order, or a result of it, which is not."""
    import nibabel as nib

    image: Any = nib.load(path)
    canonical = in_canonical_order(np.asanyarray(image.dataobj), image.affine)
    canonical.set_filename(str(path))
    return canonical


def turned_to(image: nib.Nifti1Image, affine: np.ndarray) -> nib.Nifti1Image:
    """Store an image in the order of another grid; its voxels stay where they are."""
    import nibabel as nib

    return image.as_reoriented(nib.io_orientation(np.linalg.inv(affine) @ image.affine))


def on_own_grid(image: nib.Nifti1Image, affine: np.ndarray) -> nib.Nifti1Image:
    """Undo `in_canonical_order`: the order and the exact affine of the file that was read."""
    turned = turned_to(image, affine)
    return plain_image(np.asanyarray(turned.dataobj), affine, turned.header)


def right_angled(axes: np.ndarray) -> np.ndarray:
    """The right-angled axes (3, 3, each of length 1) that are nearest to some others."""
    u, _, vt = np.linalg.svd(axes)
    return u @ vt


def _rounded(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An affine without what its storing in a header has added."""
    from nibabel.affines import apply_affine, from_matvec, voxel_sizes

    zooms, middle = voxel_sizes(affine), (np.array(shape) - 1) / 2
    axes = right_angled(_to_steps(affine[:3, :3] / zooms, COSINE_STEP))
    centre = _to_steps(apply_affine(affine, middle), CENTRE_STEP_MM)
    matrix = axes * np.round(zooms, ZOOM_DIGITS)
    return from_matvec(matrix, centre - matrix @ middle)


def _to_steps(values: np.ndarray, step: float) -> np.ndarray:
    return np.round(values / step) * step
