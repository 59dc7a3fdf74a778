"""Rigid registration of two images of one subject, such as T2w to SWI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmir_bids.anatomy.itk import load_ants, read_linear, to_ants
from deepmir_bids.anatomy.starts import (
    RegistrationError,
    at_spacing,
    clip_intensity,
    mutual_information,
)

SPACING_MM = 4.0
#: A head fits itself rigidly: stretching it gains no mutual information. The same head gave 0.75
#: to 1.07 times the rigid one's, across contrasts and EPI distortion; other heads 1.25 to 2.1.
LARGEST_AFFINE_GAIN = 1.2
#: Mutual information (nats) below which the two have nothing in common. Unrelated: 0.05 and less.
LEAST_MI = 0.1


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

    Raises
    ------
    RegistrationError
        When the two have nothing in common, or would fit much better if one were stretched: then
        they are of two heads. Heads of one size and shape are not told apart.
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

    def moved(kind, initial, iterations):
        levels = tuple(range(len(iterations) - 1, -1, -1))
        return ants.registration(
            target,
            mover,
            type_of_transform=kind,
            initial_transform=initial,
            aff_metric='mattes',
            aff_sampling=32,
            aff_random_sampling_rate=0.3,
            aff_iterations=iterations,
            aff_shrink_factors=tuple(2**level for level in levels),
            aff_smoothing_sigmas=levels,
        )['fwdtransforms']

    found: dict[str, list[str]] = {
        'scanner': [],
        'scanner, moved': moved('Rigid', 'Identity', (60, 40)),
        'centres of mass, moved': moved('Rigid', None, (60, 40)),
    }
    scores = {start: score(transforms) for start, transforms in found.items()}
    best = max(scores, key=lambda start: scores[start])
    stretched = score(moved('Affine', found[best] or 'Identity', (40,)))
    _check(moving, fixed, scores[best], stretched)
    # ITK's matrix takes points of fixed to moving.
    matrix = np.linalg.inv(read_linear(found[best][0])) if found[best] else np.eye(4)
    return RigidRegistration(matrix, best, scores[best], scores)


def _check(moving, fixed, score: float, stretched: float) -> None:
    if score >= LEAST_MI and stretched <= LARGEST_AFFINE_GAIN * score:
        return
    names = [Path(image.get_filename() or 'an image').name for image in (moving, fixed)]
    raise RegistrationError(
        f'{names[0]} and {names[1]} do not seem to show one head: their mutual information is '
        f'{score:.2f} after rigid registration and {stretched:.2f} if one is stretched; check the '
        f'files, or leave one out with --inputs or --bids-filter-file.'
    )


def _head(array: np.ndarray) -> np.ndarray:
    """Everything brighter than the background, holes filled."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    if array.max() <= array.min():
        return np.ones(array.shape, bool)
    head = ndimage.binary_closing(array > 0.5 * threshold_otsu(array), iterations=2)
    return ndimage.binary_fill_holes(head)
