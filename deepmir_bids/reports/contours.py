"""Outlines over an image, in slices of three directions (drawn by nireports and nilearn)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np


def plot_contours(
    background: nib.Nifti1Image,
    masks: Mapping[str, np.ndarray],
    box: np.ndarray,
    out_file: Path,
    *,
    limits: tuple[float, float] | None = None,
    dimensions: Sequence[str] = ('z', 'x', 'y'),
) -> Path:
    """
    Draw the outline of each mask over seven slices in each direction.

    Parameters
    ----------
    background
        Image of shape (X, Y, Z).
    masks
        Colour of each outline, and the mask (X, Y, Z).
    box
        Mask whose extent the slices are spread over.
    out_file
        SVG to write.
    limits
        Values shown as black and as white; by default they follow the image.
    dimensions
        Directions of the slices.

    """
    from nireports.reportlets.mosaic import plot_segs
    from nireports.reportlets.utils import compose_view

    def image(mask):
        return nib.Nifti1Image(mask.astype(np.uint8), background.affine)

    shown: dict[str, Any] = {} if limits is None else {'vmin': limits[0], 'vmax': limits[1]}
    rows = plot_segs(
        image_nii=nib.Nifti1Image(background.get_fdata(dtype=np.float32), background.affine),
        seg_niis=[image(mask) for mask in masks.values()],
        bbox_nii=image(box),
        colors=list(masks),
        compress=False,
        dimensions=tuple(dimensions),
        **shown,
    )
    compose_view(rows, [], out_file=str(out_file))
    return out_file
