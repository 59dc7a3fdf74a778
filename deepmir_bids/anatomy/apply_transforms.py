"""Images, labels and points through the transforms between template and subject."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmir_bids.anatomy.ants_images import LPS, load_ants, read_ants, to_ants
from deepmir_bids.anatomy.ants_process import run_in_ants_process


def apply_transform(
    image,
    transform: str | Path | None,
    shape: tuple[int, ...],
    affine: np.ndarray,
    interpolation: str = 'linear',
) -> np.ndarray:
    """Resample an image onto another grid through a transform.

    Parameters
    ----------
    image
        Path of a 3D image, or a nibabel image.
    transform
        ITK transform file that resamples images of this space into the grid's space
        (``TemplateRegistration.to_image`` for template images); None if they share a world.
    shape, affine
        The grid, of any orientation, oblique or anisotropic; RAS+ mm.
    interpolation
        ``'linear'``, or ``'nearest'`` for labels.

    Returns
    -------
    array
        float32 of the given shape; 0 outside the image.

    """
    ants = load_ants()
    if isinstance(image, (str, Path)):
        moving = read_ants(image)
    else:
        moving = to_ants(np.squeeze(image.get_fdata(dtype=np.float32)), image.affine)
    method = {'linear': 'linear', 'nearest': 'nearestNeighbor'}[interpolation]
    reference = to_ants(np.zeros(shape, np.float32), affine)
    transforms = [] if transform is None else [str(transform)]
    return ants.apply_transforms(reference, moving, transforms, interpolator=method).numpy()


def points_to_template(points: np.ndarray, to_image: str | Path) -> np.ndarray:
    """Template coordinates of points of the subject, from a process of its own.

    Points go against images: the transform that resamples template images into the subject's
    space is the one that takes the subject's points to the template.

    Parameters
    ----------
    points
        (n, 3), world mm of the subject's image, RAS+.
    to_image
        ``TemplateRegistration.to_image``.

    Returns
    -------
    points
        (n, 3), template (MNI) mm, RAS+.

    """
    points = np.asarray(points, float).reshape(-1, 3)
    return run_in_ants_process(transform_points, points, to_image) if len(points) else points


def transform_points(points: np.ndarray, transform: str | Path) -> np.ndarray:
    """Take points (n, 3), world mm RAS+, through an ITK transform file."""
    import pandas as pd

    flip = np.diag(LPS)[:3]
    table = pd.DataFrame(points * flip, columns=['x', 'y', 'z'])
    moved = load_ants().apply_transforms_to_points(3, table, [str(transform)])
    return moved[['x', 'y', 'z']].to_numpy() * flip
