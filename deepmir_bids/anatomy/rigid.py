"""Rigid registration of two images of one subject, such as T2w to SWI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmir_bids.anatomy.itk import load_ants, read_linear, to_ants
from deepmir_bids.anatomy.starts import at_spacing, clip_intensity, mutual_information

SPACING_MM = 3.0


@dataclass(frozen=True)
class RigidRegistration:
    """``matrix`` (4x4, RAS+ mm) takes points of the moving image into the fixed image's world.

    So ``matrix @ moving.affine`` is the moving image's affine in that world. ``start`` names the
    candidate that won, ``'scanner'`` being the coordinates as they came; ``candidates`` holds the
    mutual information (nats) of all.
    """

    matrix: np.ndarray
    start: str
    mutual_information: float
    candidates: dict[str, float]


def register_rigid(moving, fixed) -> RigidRegistration:
    """Rigid transform between two images of one head, by the best of several starts.

    Scanner coordinates are shared more often than not, so they are a candidate as they are, and
    where one registration starts; the centres of mass are the other's start. The winner has the
    highest mutual information within the fixed image's head.

    Parameters
    ----------
    moving, fixed
        nibabel images, 3D, of any grid and contrast.

    Returns
    -------
    registration
        See `RigidRegistration`.
    """
    ants = load_ants()
    mover, target = (
        at_spacing(
            to_ants(clip_intensity(np.squeeze(image.get_fdata(dtype=np.float32))), image.affine),
            SPACING_MM,
        )
        for image in (moving, fixed)
    )
    head = _head(target.numpy())

    def score(transforms):
        carried = ants.apply_transforms(target, mover, transforms).numpy()
        return mutual_information(target.numpy(), carried, head)

    matrices = {'scanner': np.eye(4)}
    scores = {'scanner': score([])}
    for start, initial in (('scanner, moved', 'Identity'), ('centres of mass, moved', None)):
        transforms = ants.registration(
            target,
            mover,
            type_of_transform='Rigid',
            initial_transform=initial,
            aff_metric='mattes',
            aff_sampling=32,
            aff_random_sampling_rate=0.5,
            aff_iterations=(60, 40),
            aff_shrink_factors=(2, 1),
            aff_smoothing_sigmas=(1, 0),
        )['fwdtransforms']
        # ITK's matrix takes points of fixed to moving.
        matrices[start] = np.linalg.inv(read_linear(transforms[0]))
        scores[start] = score(transforms)
    best = max(scores, key=lambda start: scores[start])
    return RigidRegistration(matrices[best], best, scores[best], scores)


def _head(array: np.ndarray) -> np.ndarray:
    """Everything brighter than the background, holes filled."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    if array.max() <= array.min():
        return np.ones(array.shape, bool)
    head = ndimage.binary_closing(array > 0.5 * threshold_otsu(array), iterations=2)
    return ndimage.binary_fill_holes(head)
