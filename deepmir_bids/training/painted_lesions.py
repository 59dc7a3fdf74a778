"""Microbleeds and mimics painted into patches, without physics.

A network that only ever saw one simulator's lesions knows them by that simulator's way of drawing
them. These are drawn otherwise, and more widely than any scanner would: dark round spots of any
depth and size, with or without what goes with them in the QSM and the T2w. Real images lie
somewhere in between (domain randomisation; Tobin et al., IROS 2017; Billot et al., Med Image Anal
2023). They are a small share of what is learnt: alone, they would be too easy to tell apart.
"""

from __future__ import annotations

import numpy as np
import torch

from deepmir_bids import CLASSES
from deepmir_bids.training.augmentation import QSM, SWI, T2W, VOID, per_patch
from deepmir_bids.training.training_subjects import MAX_WEIGHT, REFERENCE_VOLUME_MM3

#: What is painted, and how often.
KINDS = {'microbleed': 0.45, 'calcification': 0.1, 'vein': 0.45}
#: Normalised QSM of 1 ppm.
PPM = 8.0
#: A vein's path has at most so many branches of at most so many steps, each so long.
BRANCHES, STEPS, STEP_MM = 5, 39, 0.6
#: How far from its path a vein can be seen.
REACH_MM = 4.0


def paint(
    x: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    places: np.ndarray,
    spacing_mm: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Paint a microbleed, a calcification or a vein into each patch, in place.

    Parameters
    ----------
    x
        Float32 tensor (patch, 3, X, Y, Z): SWI, QSM and T2w, normalised; NaN where not measured.
    target
        Float32 tensor (patch, 2, X, Y, Z); microbleeds are added to it.
    weight
        Float32 tensor (patch, 1, X, Y, Z), of a lesion's voxels.
    places
        Voxels (patch, 3) at, or near, their centres; nothing is painted where there is a lesion
        already.
    spacing_mm
        Voxel sizes (patch, 3) along the three axes.

    """
    count = len(places)
    kinds = rng.choice(list(KINDS), size=count, p=list(KINDS.values()))
    vein = kinds == 'vein'
    radius = np.exp(rng.uniform(np.log(1.5), np.log(9), count)) / 2
    radius[vein] = rng.uniform(0.25, 1, vein.sum())
    distance = _from_centre(x, places, spacing_mm, rng)
    distance[vein] = _from_paths(x, places[vein], spacing_mm[vein], rng)
    outline = _soft(distance, radius, rng)
    within = per_patch(radius, distance)
    taken = (target.amax(dim=1) * (distance < within + 1.5)).flatten(1).any(dim=1)
    free = ~taken.reshape(-1, 1, 1, 1)

    chi = _soft(distance, radius * rng.uniform(0.6, 1.2, count), rng)
    chi *= per_patch(_susceptibility(kinds, rng), chi)
    depth = per_patch(rng.uniform(0.4, 1, count), outline)
    darker = per_patch(rng.uniform(0, 5, count) * (rng.random(count) < 0.5), outline)
    swi, qsm, t2w = x[:, SWI], x[:, QSM], x[:, T2W]
    x[:, SWI] = torch.where(free, (swi - VOID) * (1 - depth * outline) + VOID, swi)
    x[:, QSM] = torch.where(free, (qsm + PPM * chi).clamp(-4, 8), qsm)
    x[:, T2W] = torch.where(free, (t2w - darker * outline).clamp(min=-4), t2w)

    peak = outline.amax(dim=(1, 2, 3), keepdim=True)
    inside = free & (outline >= (0.9 * peak).clamp(max=0.5))
    inside &= per_patch(kinds == 'microbleed', outline) > 0
    volume = inside.sum(dim=(1, 2, 3), keepdim=True) * per_patch(spacing_mm.prod(axis=1), outline)
    heavier = (REFERENCE_VOLUME_MM3 / volume).clamp(1, MAX_WEIGHT)
    cmb = CLASSES['CMB'] - 1
    target[:, cmb] = target[:, cmb].masked_fill(inside, 1)
    weight[:, 0] = torch.where(inside, heavier, weight[:, 0])


def _susceptibility(kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What painted sources have in the QSM, in ppm; a microbleed may not show there at all."""
    count = len(kinds)
    strong = np.exp(rng.uniform(np.log(0.1), np.log(1.5), count))
    shown = np.where(rng.random(count) < 0.15, 0, strong)
    return np.select(
        [kinds == 'vein', kinds == 'microbleed'], [rng.uniform(0.03, 0.35, count), shown], -strong
    )


def _soft(distance: torch.Tensor, radius: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """1 inside, 0 outside, with an edge of random width."""
    width = per_patch(rng.uniform(0.15, 0.5, len(radius)), distance)
    return torch.sigmoid((per_patch(radius, distance) - distance) / width)


def _from_centre(x, places, spacing_mm, rng: np.random.Generator) -> torch.Tensor:
    """Distances (patch, X, Y, Z) from ``places`` in mm, in a slightly stretched space."""
    scale = spacing_mm * np.exp(rng.normal(0, 0.12, places.shape))
    centre = places + rng.uniform(-0.5, 0.5, places.shape)
    i, j, k = (
        per_patch(((np.arange(n) - centre[:, [axis]]) * scale[:, [axis]]) ** 2, x)[..., 0, 0, 0]
        for axis, n in enumerate(x.shape[2:])
    )
    return (i[:, :, None, None] + j[:, None, :, None] + k[:, None, None]).sqrt()


def _from_paths(x, places, spacing_mm, rng: np.random.Generator) -> torch.Tensor:
    """Distances (patch, X, Y, Z), in mm, from smooth random paths that start at ``places``.

    One ends there, two make a bend, and more a junction, which is as round as a microbleed.
    Beyond :data:`REACH_MM`, where no vein can be seen, the distance is that.
    """
    shape = x.shape[2:]
    distance = torch.full((len(places), *shape), REACH_MM, device=x.device)
    points, owner = _paths(len(places), rng)
    points = points / spacing_mm[owner] + places[owner]
    reach = np.ceil(REACH_MM / spacing_mm.min(axis=0, initial=REACH_MM)).astype(int)
    squared, index = x.new_zeros(()), torch.from_numpy(owner).to(x.device)[:, None, None, None]
    for axis, size in enumerate(shape):
        place = points[:, [axis]]
        voxels = np.rint(place).astype(int) + np.arange(-reach[axis], reach[axis] + 1)
        inside = (voxels >= 0) & (voxels < size)
        apart = np.where(inside, (voxels - place) * spacing_mm[owner, axis, None], np.inf)
        along = (len(points), *np.where(np.arange(3) == axis, voxels.shape[1], 1))
        squared = squared + torch.from_numpy(np.float32(apart**2).reshape(along)).to(x.device)
        voxels = np.where(inside, voxels, 0).reshape(along)
        index = index * size + torch.from_numpy(voxels).to(x.device)
    distance.view(-1).scatter_reduce_(0, index.flatten(), squared.sqrt().flatten(), 'amin')
    return distance


def _paths(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) in mm along the branches of some veins, which begin at 0, and whose they are.

    All branches grow at once: one by one they would take longer than all the rest on a GPU.
    """
    branches = rng.integers(1, BRANCHES + 1, count)
    owner = np.repeat(np.arange(count), branches)
    lengths = rng.integers(5, STEPS + 1, len(owner))
    headings = rng.normal(size=(len(owner), 3))
    places = np.zeros((STEPS + 1, len(owner), 3))
    for step in range(STEPS):
        headings /= np.sqrt((headings**2).sum(axis=1, keepdims=True))
        headings += rng.normal(0, 0.1, headings.shape)
        places[step + 1] = places[step] + STEP_MM * headings
    point, branch = np.nonzero(np.arange(STEPS + 1)[:, None] <= lengths)
    return places[point, branch], owner[branch]
