"""From probabilities to lesions: connected components with two thresholds.

A lesion counts when its peak reaches its class's threshold, and extends over every connected voxel
that reaches the outline (hysteresis): the operating point then changes how many lesions there are,
not how large each of them is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.imaging.large_volumes import box_of
from deepmir_bids.imaging.read_image import dilate
from deepmir_bids.lesions.detection_criteria import DetectionCriteria

#: Voxels that share a face, an edge or a corner belong together.
NEIGHBOURHOOD = np.ones((3, 3, 3), dtype=bool)
#: Iron may lie this far outside its nucleus: a registration is not better than that.
IRON_MARGIN_MM = 2.0
#: What reaches this share of its threshold is shown to a reader as a candidate, ...
NEAR = 0.1
#: ... but no more than this many, the nearest to their thresholds: a dozen are judged in a minute.
MOST_CANDIDATES = 12

#: Where a reader judged something, it is looked for down to this share of its threshold.
FAINTEST = 0.001

#: Two findings of a class whose centres are no further apart are one and the same.
SAME_LESION_MM = 2.0

NOWHERE = np.empty((0, 3))


@dataclass(frozen=True)
class Lesion:
    """One lesion or candidate: its index in the label images, its class, its peak probability."""

    index: int
    name: str
    probability: float


@dataclass(frozen=True)
class FoundLesions:
    """Lesions, and apart from them what stayed just under its threshold.

    ``labels`` and ``candidate_labels``, int32 (X, Y, Z), hold the index of each, 0 elsewhere.
    Indices of both together run from 1: CMB first, the most probable of each class first; then
    the candidates, those nearest to their threshold first.
    """

    labels: np.ndarray
    candidate_labels: np.ndarray
    lesions: list[Lesion]
    candidates: list[Lesion]


def find_lesions(
    probabilities: np.ndarray,
    criteria: DetectionCriteria,
    zooms: Sequence[float],
    *,
    brain_mask: np.ndarray,
    iron_mask: np.ndarray,
    near: float = 1.0,
    most: int | None = MOST_CANDIDATES,
    judged: Mapping[str, np.ndarray] | None = None,
) -> FoundLesions:
    """Find the lesions of both classes in their probabilities.

    A voxel that both classes claim goes to the class for which the network's output is higher in
    proportion to its threshold there, CMB on a tie; then components are 26-connected within each
    class.

    Parameters
    ----------
    probabilities
        Array (2, X, Y, Z), in the order of :data:`deepmir_bids.CLASSES`.
    criteria
        What counts as a lesion.
    zooms
        Voxel sizes in mm.
    brain_mask, iron_mask
        Where CMB, and where iron deposits (also within the brain), may lie; (X, Y, Z).
    near
        Share of its threshold that a candidate's peak has to reach, also if it does not reach the
        outline; at 1 there are none.
    most
        Candidates that are kept, the nearest to their thresholds; None for all.
    judged
        Class → voxels (n, 3), of any numbers, where a reader judged something: what has its centre
        there is a candidate, too, down to a share of :data:`FAINTEST` of its threshold.

    Returns
    -------
    FoundLesions

    Examples
    --------
    A microbleed of three voxels: its peak reaches the threshold, its rim the outline.

    >>> p = np.zeros((2, 8, 8, 8))
    >>> p[0, 4, 4, 3:6] = 0.4, 0.9, 0.4
    >>> everywhere = np.ones((8, 8, 8), dtype=bool)
    >>> found = find_lesions(
    ...     p,
    ...     DetectionCriteria({'CMB': 0.8, 'iron': 0.8}, {'CMB': 0.3, 'iron': 0.3}, 0.0),
    ...     (1, 1, 2),
    ...     brain_mask=everywhere,
    ...     iron_mask=everywhere,
    ... )
    >>> found.lesions
    [Lesion(index=1, name='CMB', probability=0.9)]
    >>> int((found.labels == 1).sum())
    3

    """
    thresholds = criteria.thresholds
    found = FoundLesions(
        np.zeros(probabilities.shape[1:], dtype=np.int32),
        np.zeros(probabilities.shape[1:], dtype=np.int32),
        [],
        [],
    )
    brain_mask = np.asarray(brain_mask) > 0
    if not brain_mask.any():
        return found
    box = box_of(brain_mask)
    labels, candidate_labels = found.labels[box], found.candidate_labels[box]
    everything = partial(
        _all_components,
        probabilities[(slice(None), *box)],
        criteria,
        criteria.min_volume_mm3 / float(np.prod(zooms)),
        {'CMB': brain_mask[box], 'iron': brain_mask[box] & (np.asarray(iron_mask)[box] > 0)},
    )
    corner = [side.start for side in box]
    places = {name: voxels - np.array(corner) for name, voxels in (judged or {}).items()}

    def keep(name: str, voxels: tuple[np.ndarray, ...], peak: float) -> None:
        is_lesion = peak >= thresholds[name]
        index = len(found.lesions) + len(found.candidates) + 1
        (labels if is_lesion else candidate_labels)[voxels] = index
        (found.lesions if is_lesion else found.candidates).append(Lesion(index, name, peak))
        if name in places:
            places[name] = places[name][~_lies_at(voxels, places[name], zooms)]

    for name, voxels, peak in _nearest_first(everything(near), thresholds):
        if (
            peak >= thresholds[name]
            or most is None
            or len(found.candidates) < most
            or _lies_at(voxels, places.get(name, NOWHERE), zooms).any()
        ):
            keep(name, voxels, peak)
    # What was judged at a lower threshold is fainter than what is shown unasked.
    while near > FAINTEST and any(map(len, places.values())):
        near = max(near / 2, FAINTEST)
        for name, voxels, peak in _nearest_first(everything(near), thresholds):
            taken = labels[voxels].any() or candidate_labels[voxels].any()
            if not taken and _lies_at(voxels, places.get(name, NOWHERE), zooms).any():
                keep(name, voxels, peak)
    return found


def class_map(labels: np.ndarray, lesions: Sequence[Lesion]) -> np.ndarray:
    """Value in :data:`deepmir_bids.CLASSES` of each voxel's lesion, 0 elsewhere: uint8."""
    return np.array([0, *(CLASSES[lesion.name] for lesion in lesions)], dtype=np.uint8)[labels]


def iron_area(basal_ganglia: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Where an iron deposit may lie: a mask (X, Y, Z) of the nuclei, widened by the margin."""
    return dilate(basal_ganglia, affine, IRON_MARGIN_MM)


def _all_components(
    probabilities: np.ndarray,
    criteria: DetectionCriteria,
    fewest: float,
    allowed: Mapping[str, np.ndarray],
    near: float,
) -> list[tuple]:
    """Class, voxels and peak of each component of either class that may be shown."""
    thresholds = criteria.thresholds
    # In double precision, as the thresholds are.
    outline = {name: np.minimum(thresholds[name], criteria.outlines[name]) for name in CLASSES}
    claimed = {
        name: allowed[name] & (probability >= outline[name])
        for name, probability in zip(CLASSES, probabilities, strict=True)
    }
    free = ~(claimed['CMB'] | claimed['iron'])
    both = claimed['CMB'] & claimed['iron']
    if both.any():
        # Chances tell of whole findings: of a voxel, the network itself.
        outputs = {name: chance.inverse.of for name, chance in criteria.chances.items()}
        excess = [
            outputs[name](probability[both]) / outputs[name](thresholds[name])
            if name in outputs
            else probability[both] / thresholds[name]
            for name, probability in zip(CLASSES, probabilities, strict=True)
        ]
        of_iron = np.argmax(excess, axis=0) == 1
        claimed['CMB'][both], claimed['iron'][both] = ~of_iron, of_iron
    components: list[tuple] = []
    for name, probability in zip(CLASSES, probabilities, strict=True):
        own, least = claimed[name], near * thresholds[name]
        components += [(name, *c) for c in _components(own, probability, least, fewest)]
        if least < outline[name]:
            # What stays below the outline everywhere is outlined where it is near enough.
            low = allowed[name] & (own | free) & (probability >= least)
            faint = _components(low, probability, least, fewest)
            components += [(name, *c) for c in faint if c[1] < outline[name]]
    return components


def _nearest_first(components: list[tuple], thresholds: Mapping[str, float]) -> list[tuple]:
    """Lesions in the order that they have, then the others by the share of their threshold."""
    return sorted(components, key=lambda one: -min(one[2] / thresholds[one[0]], 1.0))


def _lies_at(
    voxels: tuple[np.ndarray, ...], places: np.ndarray, zooms: Sequence[float]
) -> np.ndarray:
    """Which of these places (n, 3) the centre of a component is: (n,) bool."""
    apart = (np.mean(voxels, axis=1) - places) * np.asarray(zooms)
    return np.linalg.norm(apart, axis=1) <= SAME_LESION_MM


def _components(own, probability, threshold, fewest):
    """Voxels (index arrays) and peak of each component that counts, the most probable first."""
    from scipy.ndimage import find_objects, label

    components, _ = label(own, NEIGHBOURHOOD)
    found = []
    for index, box in enumerate(find_objects(components), start=1):
        inside = components[box] == index
        peak = float(probability[box][inside].max())
        if peak >= threshold and inside.sum() >= fewest:
            corner = [side.start for side in box]
            voxels = tuple(i + c for i, c in zip(np.nonzero(inside), corner, strict=True))
            found.append((voxels, peak))
    return sorted(found, key=lambda item: -item[1])
