"""What a reader wants to know of an image at a glance: its grid, and the range of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmir_bids.imaging.read_image import in_mm


@dataclass(frozen=True)
class ImageSummary:
    """Grid and values of an image, as they are in its file.

    Attributes
    ----------
    orientation
        Where the axes lead to, such as ``RAS``; ``?`` for one that cannot be told.
    shape
        Voxels along each axis.
    voxel_size, field_of_view
        In mm, along the three axes of space.
    lowest, highest
        Of the finite values; NaN if there is none.
    zeros, nans
        Share of the voxels that are 0, and of those that are NaN or infinite.

    """

    orientation: str
    shape: tuple[int, ...]
    voxel_size: tuple[float, ...]
    field_of_view: tuple[float, ...]
    lowest: float
    highest: float
    zeros: float
    nans: float


def summarise_image(image: Any, data: np.ndarray) -> ImageSummary:
    """Describe what `read_image` gives, whatever it is: nothing in it is an error here."""
    from nibabel.affines import voxel_sizes

    affine = in_mm(image)
    sizes = voxel_sizes(affine)
    finite = np.isfinite(data)
    values = data if finite.all() else data[finite]
    return ImageSummary(
        orientation=_orientation(affine),
        shape=tuple(map(int, image.shape)),
        voxel_size=tuple(map(float, sizes)),
        field_of_view=tuple(float(n * size) for n, size in zip(image.shape, sizes, strict=False)),
        lowest=float(values.min()) if values.size else np.nan,
        highest=float(values.max()) if values.size else np.nan,
        zeros=np.count_nonzero(data == 0) / max(data.size, 1),
        nans=np.count_nonzero(~finite) / max(data.size, 1),
    )


def _orientation(affine: np.ndarray) -> str:
    from nibabel.orientations import aff2axcodes

    if not np.isfinite(affine).all():
        return '???'
    return ''.join(code or '?' for code in aff2axcodes(affine))
