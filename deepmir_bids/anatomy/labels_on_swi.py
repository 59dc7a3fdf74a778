"""Brain mask and structures of the template on a grid of the subject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.anatomy.apply_transforms import apply_transform
from deepmir_bids.imaging.large_volumes import box_of, slabwise

if TYPE_CHECKING:
    from deepmir_bids.anatomy.template_choice import Anatomy


def label_brain(
    shape: tuple[int, ...],
    affine: np.ndarray,
    anatomy: Anatomy,
    from_template: str | Path,
    brain_mask=None,
) -> tuple[np.ndarray, np.ndarray]:
    """Brain mask and structures on a grid of the subject.

    Parameters
    ----------
    shape, affine
        The grid, of any orientation; RAS+ mm.
    anatomy
        What `find_anatomy` gives.
    from_template
        ``TemplateRegistration.to_image``.
    brain_mask
        nibabel image of the subject's own brain mask, on any grid of the same world. Without it
        the mask is the template's.

    Returns
    -------
    brain_mask
        bool of the given shape.
    structures
        int32 of that shape: one of ``anatomy.structures`` in every voxel of the brain, 0 outside.

    """
    if brain_mask is None:
        brain = apply_transform(anatomy.brain_mask, from_template, shape, affine) > 0.5
    else:
        brain = apply_transform(brain_mask, None, shape, affine, 'nearest') > 0.5
    labels = apply_transform(anatomy.labels, from_template, shape, affine, 'nearest')
    structures = slabwise(
        lambda brain, labels: np.where(brain, np.rint(labels), 0), brain, labels, dtype=np.int32
    )
    return brain, _fill_from_nearest(structures, brain, affine)


def _fill_from_nearest(labels: np.ndarray, mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Give each unlabelled voxel of the mask the label that is nearest to it."""
    from nibabel.affines import voxel_sizes
    from scipy import ndimage

    empty = mask & (labels == 0)
    if not empty.any() or not labels.any():
        return labels
    box = box_of(mask)
    part = labels[box]
    nearest = ndimage.distance_transform_edt(
        part == 0,
        sampling=voxel_sizes(affine),
        return_distances=False,
        return_indices=True,
    )
    filled = labels.copy()
    filled[box] = np.where(empty[box], part[tuple(nearest)], part)
    return filled
