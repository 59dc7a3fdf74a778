"""Brain mask and structures on the grid of a subject's image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.anatomy.carry import carry_to_grid

if TYPE_CHECKING:
    from deepmir_bids.anatomy.templates import Anatomy


def label_grid(
    shape: tuple[int, ...],
    affine: np.ndarray,
    anatomy: Anatomy,
    from_template: str | Path,
    given_mask=None,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Carry brain mask and structures from the template to a grid.

    Parameters
    ----------
    shape, affine
        The grid, in the subject's world (RAS+ mm).
    anatomy
        The template.
    from_template
        Transform that takes images from the template to the subject.
    given_mask
        nibabel image of a brain mask in the subject's world; it replaces the template's.

    Returns
    -------
    brain_mask
        Boolean array.
    structures
        Values of ``anatomy.structures``: one for each voxel of the brain, 0 elsewhere.

    """
    if given_mask is None:
        brain = carry_to_grid(anatomy.brain_mask, from_template, shape, affine) > 0.5
    else:
        brain = carry_to_grid(given_mask, None, shape, affine, 'nearest') > 0.5
    labels = carry_to_grid(anatomy.labels, from_template, shape, affine, 'nearest')
    return brain, fill(np.rint(labels).astype(np.int32), brain)


def fill(labels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give each voxel of a mask that has no label the nearest one; remove labels outside."""
    from scipy.ndimage import distance_transform_edt

    lacking = mask & (labels == 0)
    if lacking.any() and labels.any():
        nearest = distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
        labels = np.where(lacking, labels[tuple(nearest)], labels)
    return np.where(mask, labels, 0)
