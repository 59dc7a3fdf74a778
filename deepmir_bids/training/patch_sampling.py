"""Which patches a network sees: lesions, what looks like them, and the rest of the brain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmir_bids.training.augmentation import augment, strip
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


def sample_batch(
    subjects: Sequence[CachedSubject], size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw augmented patches.

    Returns
    -------
    x
        Float32 array (size, 3, X, Y, Z) of patches of size :data:`PATCH`, NaN where an input is
        missing.
    target
        Float32 array (size, 2, X, Y, Z), 0 to 1.
    weight
        Float32 array (size, 1, X, Y, Z), of a lesion's voxels.

    """
    kinds = rng.choice(list(SHARES), size=size, p=list(SHARES.values()))
    patches = []
    for kind in kinds:
        x, target, weight = _draw(subjects, str(kind), rng)
        patches.append(augment(x, target, weight, rng))
    x, target, weight = (np.stack(parts) for parts in zip(*patches, strict=True))
    return x, target, weight


def _draw(subjects, kind, rng):
    """One patch of a kind, as it is: x (3, …), target (2, …), weight (1, …)."""
    able = [s for s in subjects if len(_places(s, kind))] or subjects
    subject = able[rng.integers(len(able))]
    places = _places(subject, kind)
    stripped = rng.random() < STRIPPED
    if len(places):
        return cut(subject, places[rng.integers(len(places))] + _jitter(rng), stripped=stripped)
    centre = _somewhere(subject.prepared.brain_mask, rng) + _jitter(rng)
    x, target, weight = cut(subject, centre, stripped=stripped)
    if kind == 'painted':
        inside = subject.prepared.brain_mask[_box(subject, centre)]
        for _ in range(int(rng.integers(1, 5))):
            place = _somewhere(inside, rng, at_surface=rng.random() < AT_SURFACE)
            paint(x, target, weight, place, subject.spacing_mm, rng)
    return x, target, weight


def cut(subject: CachedSubject, centre: np.ndarray, *, stripped: bool = False):
    """Cut the patch around ``centre`` (working voxels), padded with what counts as unmeasured.

    If it is ``stripped``, nothing is left outside the brain.
    """
    box = _box(subject, centre)
    x = subject.prepared.x[(slice(None), *box)].astype(np.float32)
    if stripped:
        strip(x, subject.prepared.brain_mask[box])
    target = subject.target[(slice(None), *box)].astype(np.float32) / 255
    weight = subject.weight[box][None].astype(np.float32)
    short = [(0, p - n) for p, n in zip(PATCH, x.shape[1:], strict=True)]
    if any(after for _, after in short):
        x = np.pad(x, [(0, 0), *short], constant_values=np.nan)
        target = np.pad(target, [(0, 0), *short])
        weight = np.pad(weight, [(0, 0), *short], constant_values=1)
    return x, target, weight


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


def _somewhere(mask, rng, *, at_surface: bool = False) -> np.ndarray:
    """A voxel of the brain, found by trial: cheaper than listing millions of them."""
    for _ in range(100):
        place = np.array([rng.integers(n) for n in mask.shape])
        if mask[tuple(place)] and not (at_surface and _is_deep(mask, place)):
            return place
    return np.array(mask.shape) // 2


def _is_deep(mask, place: np.ndarray) -> bool:
    """Whether all that lies straight before, behind and beside a voxel belongs to the brain."""
    low = np.maximum(place - SURFACE, 0)
    high = np.minimum(place + SURFACE, np.array(mask.shape) - 1)
    i, j, k = place
    return bool(mask[[low[0], high[0], i, i], [j, j, low[1], high[1]], k].all())
