"""Which patches a network sees: lesions, what looks like them, and the rest of the brain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmir_bids.training.augmentation import augment, strip
from deepmir_bids.training.painting import paint
from deepmir_bids.training.subjects import CachedSubject

#: Size of a patch in working voxels: about 38 mm, as far as a lesion's surroundings tell anything.
PATCH = (48, 48, 24)
#: Share of patches that are centred on a CMB, an iron deposit, a mimic, anywhere in the brain, and
#: near something painted.
SHARES = {'CMB': 0.28, 'iron': 0.16, 'hard': 0.28, 'brain': 0.12, 'painted': 0.16}

#: How often a patch shows the brain alone.
STRIPPED = 0.12


def sample_batch(
    subjects: Sequence[CachedSubject], size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw augmented patches.

    Returns
    -------
    x : float32 array (size, 3, *PATCH)
        NaN where an input is missing.
    target : float32 array (size, 2, *PATCH)
    weight : float32 array (size, 1, *PATCH)

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
    place = _somewhere(subject.prepared.brain_mask, rng)
    centre = place + _jitter(rng)
    x, target, weight = cut(subject, centre, stripped=stripped)
    if kind == 'painted':
        paint(x, target, weight, place - _corner(subject, centre), subject.spacing_mm, rng)
    return x, target, weight


def cut(subject: CachedSubject, centre: np.ndarray, *, stripped: bool = False):
    """Cut the patch around ``centre`` (working voxels), padded with what counts as unmeasured.

    If it is ``stripped``, nothing is left outside the brain.
    """
    corner = _corner(subject, centre)
    box = tuple(slice(s, s + p) for s, p in zip(corner, PATCH, strict=True))
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


def _corner(subject: CachedSubject, centre: np.ndarray) -> np.ndarray:
    """First voxel of the patch around ``centre``, which does not leave the box without need."""
    room = np.array(subject.prepared.x.shape[1:]) - PATCH
    return np.maximum(np.minimum(np.asarray(centre, dtype=int) - np.array(PATCH) // 2, room), 0)


def _places(subject: CachedSubject, kind: str) -> np.ndarray:
    return subject.hard if kind == 'hard' else subject.lesions.get(kind, np.empty((0, 3)))


def _jitter(rng) -> np.ndarray:
    """A lesion may lie anywhere in the middle half of its patch."""
    return np.array([rng.integers(-p // 4, p // 4 + 1) for p in PATCH])


def _somewhere(mask, rng) -> np.ndarray:
    """A voxel of the brain, found by trial: cheaper than listing millions of them."""
    for _ in range(100):
        place = np.array([rng.integers(n) for n in mask.shape])
        if mask[tuple(place)]:
            return place
    return np.array(mask.shape) // 2
