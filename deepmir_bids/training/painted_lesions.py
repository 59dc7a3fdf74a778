"""Microbleeds and mimics painted into a patch, without physics.

A network that only ever saw one simulator's lesions knows them by that simulator's way of drawing
them. These are drawn otherwise, and more widely than any scanner would: dark round spots of any
depth and size, with or without what goes with them in the QSM and the T2w. Real images lie
somewhere in between (domain randomisation; Tobin et al., IROS 2017; Billot et al., Med Image Anal
2023). They are a small share of what is learnt: alone, they would be too easy to tell apart.
"""

from __future__ import annotations

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.training.augmentation import QSM, SWI, T2W, VOID
from deepmir_bids.training.training_subjects import MAX_WEIGHT, REFERENCE_VOLUME_MM3

#: What is painted, and how often.
KINDS = {'microbleed': 0.45, 'calcification': 0.1, 'vein': 0.45}
#: Normalised QSM of 1 ppm.
PPM = 8.0


def paint(
    x: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    place: np.ndarray,
    spacing_mm: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Paint a microbleed, a calcification or a vein into a patch, in place.

    Parameters
    ----------
    x
        Float32 array (3, X, Y, Z): SWI, QSM and T2w, normalised; NaN where not measured.
    target
        Float32 array (2, X, Y, Z); a microbleed is added to it.
    weight
        Float32 array (1, X, Y, Z), of a lesion's voxels.
    place
        Voxel at, or near, its centre; nothing is painted where there is a lesion already.
    spacing_mm
        Voxel sizes along the three axes.

    """
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind == 'vein':
        distance, radius = _from_path(x.shape[1:], place, spacing_mm, rng), rng.uniform(0.25, 1)
    else:
        distance = _from_centre(x.shape[1:], place, spacing_mm, rng)
        radius = np.exp(rng.uniform(np.log(1.5), np.log(9))) / 2
    outline = _soft(distance, radius, rng)
    if (target.max(axis=0) * (distance < radius + 1.5)).any():
        return
    chi = _susceptibility(kind, rng) * _soft(distance, radius * rng.uniform(0.6, 1.2), rng)
    x[SWI] = (x[SWI] - VOID) * (1 - rng.uniform(0.4, 1) * outline) + VOID
    x[QSM] = np.clip(x[QSM] + PPM * chi, -4, 8)
    x[T2W] = np.maximum(x[T2W] - rng.choice([0, rng.uniform(0, 5)]) * outline, -4)
    if kind == 'microbleed':
        inside = outline >= min(0.5, 0.9 * outline.max())
        target[CLASSES['CMB'] - 1][inside] = 1
        heavier = REFERENCE_VOLUME_MM3 / (inside.sum() * np.prod(spacing_mm))
        weight[0][inside] = np.clip(heavier, 1, MAX_WEIGHT)


def _susceptibility(kind: str, rng: np.random.Generator) -> float:
    """What a painted source has in the QSM, in ppm; a microbleed may not show there at all."""
    if kind == 'vein':
        return rng.uniform(0.03, 0.35)
    if kind == 'microbleed' and rng.random() < 0.15:
        return 0.0
    return np.exp(rng.uniform(np.log(0.1), np.log(1.5))) * (1 if kind == 'microbleed' else -1)


def _soft(distance: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """1 inside, 0 outside, with an edge of random width."""
    from scipy.special import expit

    return expit((radius - distance) / rng.uniform(0.15, 0.5)).astype(np.float32)


def _from_centre(shape, place, spacing_mm, rng: np.random.Generator) -> np.ndarray:
    """Distance of each voxel (X, Y, Z) from ``place`` in mm, in a slightly stretched space."""
    scale = spacing_mm * np.exp(rng.normal(0, 0.12, 3))
    centre = place + rng.uniform(-0.5, 0.5, 3)
    axes = [((np.arange(n) - c) * s) ** 2 for n, c, s in zip(shape, centre, scale, strict=True)]
    return np.sqrt(axes[0][:, None, None] + axes[1][:, None] + axes[2]).astype(np.float32)


def _from_path(shape, place, spacing_mm, rng: np.random.Generator) -> np.ndarray:
    """Distance of each voxel (X, Y, Z), in mm, from smooth random paths that start at ``place``.

    One ends there, two make a bend, and more a junction, which is as round as a microbleed.
    """
    from scipy.ndimage import distance_transform_edt

    free = np.ones(shape, dtype=bool)
    for _ in range(int(rng.integers(1, 6))):
        point, heading = place * spacing_mm, rng.normal(size=3)
        for _ in range(int(rng.integers(5, 40))):
            heading = heading / np.linalg.norm(heading) + rng.normal(0, 0.1, 3)
            point = point + 0.6 * heading
            voxel = np.rint(point / spacing_mm).astype(int)
            if (voxel < 0).any() or (voxel >= shape).any():
                break
            free[tuple(voxel)] = False
    free[tuple(place)] = False
    return distance_transform_edt(free, sampling=spacing_mm).astype(np.float32)
