"""Which patches a network sees: lesions, what looks like them, and the rest of the brain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from deepmir_bids.training.augmentation import SWI, T2W, VOID, augment
from deepmir_bids.training.painted_lesions import paint
from deepmir_bids.training.training_subjects import CachedSubject

#: Size of a patch in working voxels: about 38 mm, as far as a lesion's surroundings tell anything.
PATCH = (48, 48, 24)
#: Share of patches that are centred on a CMB, an iron deposit, a mimic, or anywhere in the brain,
#: as it is or with something painted into it.
SHARES = {'CMB': 0.25, 'iron': 0.14, 'hard': 0.25, 'brain': 0.12, 'painted': 0.24}

#: How often a patch shows the brain alone.
STRIPPED = 0.12
#: How often something is painted near the brain's surface, where the veins are, ...
AT_SURFACE = 0.3
#: ... which is no more than so many voxels away, in the plane.
SURFACE = 4
#: At most so many things are painted into a patch.
MOST_PAINTED = 4
#: A place in the brain is looked for so often.
TRIALS = 100


@dataclass(frozen=True)
class Sight:
    """A part of a subject, ``box``, and the voxels in it (n, 3) where something is painted."""

    subject: CachedSubject
    box: tuple[slice, ...]
    painted: np.ndarray


def sample_batch(
    subjects: Sequence[CachedSubject],
    size: int,
    rng: np.random.Generator,
    device: torch.device | str = 'cpu',
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw augmented patches, cut and varied on the device that holds the subjects.

    Returns
    -------
    x
        Float32 tensor (size, 3, X, Y, Z) of patches of size :data:`PATCH`, NaN where an input is
        missing.
    target
        Float32 tensor (size, 2, X, Y, Z), 0 to 1.
    weight
        Float32 tensor (size, 1, X, Y, Z), of a lesion's voxels.

    """
    kinds = rng.choice(list(SHARES), size=size, p=list(SHARES.values()))
    able = {
        kind: [s for s in subjects if len(_places(s, kind))] or subjects for kind in set(kinds)
    }
    sights = [_look(able[kind], kind, rng) for kind in kinds]
    x, target, weight, brain = cut(sights, device)
    strip(x, brain, np.flatnonzero(rng.random(size) < STRIPPED))
    for turn in range(MOST_PAINTED):
        _paint_one(sights, turn, (x, target, weight), rng)
    augment(x, target, weight, rng)
    return x, target, weight


def _look(subjects: Sequence[CachedSubject], kind: str, rng: np.random.Generator) -> Sight:
    """Choose a subject, and what of it to show."""
    subject = subjects[int(rng.integers(len(subjects)))]
    mask = subject.prepared.brain_mask
    places = _places(subject, kind)
    centre = places[rng.integers(len(places))] if len(places) else somewhere(mask, rng)
    box = _box(subject, centre + _jitter(rng))
    count = int(rng.integers(1, MOST_PAINTED + 1)) if kind == 'painted' else 0
    painted = [
        somewhere(mask[box], rng, at_surface=rng.random() < AT_SURFACE) for _ in range(count)
    ]
    return Sight(subject, box, np.array(painted).reshape(-1, 3))


def cut(sights: Sequence[Sight], device: torch.device | str = 'cpu') -> tuple[torch.Tensor, ...]:
    """Cut what is seen, padded with what counts as unmeasured: x, target, weight and brain mask.

    Tensors (patch, channel, X, Y, Z), float32 but for the mask.
    """
    parts = []
    for sight in sights:
        tensors = sight.subject.tensors(device)
        parts.append([part[(slice(None), *sight.box)] for part in tensors])
    x, target, weight, brain = (
        torch.stack([_filled(part, empty) for part in column])
        for column, empty in zip(zip(*parts, strict=True), (torch.nan, 0, 1, 0), strict=True)
    )
    return x.float(), target.float() / 255, weight.float(), brain


def _filled(part: torch.Tensor, empty: float) -> torch.Tensor:
    """``part`` (channel, X, Y, Z), made as large as a patch."""
    short = [p - n for p, n in zip(PATCH, part.shape[1:], strict=True)]
    if not any(short):
        return part
    return F.pad(part, [side for n in reversed(short) for side in (0, n)], value=empty)


def strip(x: torch.Tensor, brain: torch.Tensor, chosen: np.ndarray) -> None:
    """Leave nothing outside the brain in some patches, in place, as in images without skull."""
    outside = ~brain[chosen, 0]
    x[chosen, SWI] = x[chosen, SWI].masked_fill(outside, VOID)
    x[chosen, T2W] = x[chosen, T2W].masked_fill(outside, torch.nan)


def _paint_one(sights: Sequence[Sight], turn: int, parts, rng: np.random.Generator) -> None:
    """Paint the thing whose ``turn`` it is into each patch that gets so many, in place."""
    chosen = [i for i, sight in enumerate(sights) if len(sight.painted) > turn]
    if chosen:
        x, target, weight = (part[chosen] for part in parts)
        places = np.array([sights[i].painted[turn] for i in chosen])
        spacing_mm = np.array([sights[i].subject.spacing_mm for i in chosen])
        paint(x, target, weight, places, spacing_mm, rng)
        for part, copy in zip(parts, (x, target, weight), strict=True):
            part[chosen] = copy


def _box(subject: CachedSubject, centre: np.ndarray) -> tuple[slice, ...]:
    """The patch around ``centre``, which does not leave the image without need."""
    room = np.array(subject.prepared.x.shape[1:]) - PATCH
    corner = np.maximum(np.minimum(np.asarray(centre, dtype=int) - np.array(PATCH) // 2, room), 0)
    return tuple(slice(c, c + p) for c, p in zip(corner, PATCH, strict=True))


def _places(subject: CachedSubject, kind: str) -> np.ndarray:
    return subject.hard if kind == 'hard' else subject.lesions.get(kind, np.empty((0, 3)))


def _jitter(rng) -> np.ndarray:
    """A lesion may lie anywhere in the middle half of its patch."""
    return np.array([rng.integers(-p // 4, p // 4 + 1) for p in PATCH])


def somewhere(
    mask: np.ndarray, rng: np.random.Generator, *, at_surface: bool = False
) -> np.ndarray:
    """A voxel of the brain, found by trial: cheaper than listing millions of them."""
    shape = np.array(mask.shape)
    places = rng.integers(shape, size=(TRIALS, 3))
    found = mask[tuple(places.T)]
    if at_surface:
        found &= ~_are_deep(mask, places)
    return places[found.argmax()] if found.any() else shape // 2


def _are_deep(mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Whether all that lies straight before, behind and beside voxels (n, 3) is brain, too."""
    i, j, k = places.T
    low = np.maximum(places - SURFACE, 0).T
    high = np.minimum(places + SURFACE, np.array(mask.shape) - 1).T
    return mask[low[0], j, k] & mask[high[0], j, k] & mask[i, low[1], k] & mask[i, high[1], k]
