"""From probabilities to lesions: connected components with two thresholds.

A lesion counts when its peak reaches its class's threshold, and extends over every connected voxel
that reaches ``extent`` (hysteresis): the operating point then changes how many lesions there are,
not how large each of them is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.imaging.read_image import dilate

#: Voxels that share a face, an edge or a corner belong together.
NEIGHBOURHOOD = np.ones((3, 3, 3), dtype=bool)
#: Iron may lie this far outside its nucleus: a registration is not better than that.
IRON_MARGIN_MM = 2.0
#: What reaches this share of its threshold is shown to a reader as a candidate, ...
NEAR = 0.5
#: ... but no more than this many, the nearest to their thresholds.
MOST_CANDIDATES = 20


@dataclass(frozen=True)
class Lesion:
    """One found lesion: its index in the label image, its class and its highest probability."""

    index: int
    name: str
    probability: float


def find_lesions(
    probabilities: np.ndarray,
    thresholds: Mapping[str, float],
    zooms: Sequence[float],
    *,
    brain_mask: np.ndarray,
    iron_mask: np.ndarray,
    min_volume_mm3: float,
    extent: float,
    near: float = 1.0,
) -> tuple[np.ndarray, list[Lesion]]:
    """Find the lesions of both classes in their probabilities.

    A voxel that both classes claim goes to the class whose probability is higher in proportion to
    its threshold there, CMB on a tie; then components are 26-connected within each class.

    Parameters
    ----------
    probabilities : array (2, X, Y, Z)
        In the order of :data:`deepmir_bids.CLASSES`.
    thresholds : mapping
        Class name → the probability that a lesion's peak must reach.
    zooms : sequence of 3 floats
        Voxel sizes in mm.
    brain_mask, iron_mask : bool arrays (X, Y, Z)
        Where CMB, and where iron deposits (also within the brain), may lie.
    min_volume_mm3 : float
        Smaller components are dropped; a single voxel is kept whatever its size if this is 0.
    extent : float
        Probability that outlines a lesion; a class's threshold is used where that is lower.
    near : float
        Share of its threshold that a lesion's peak has to reach: below 1, candidates are found,
        too, also those that do not reach ``extent``.

    Returns
    -------
    labels : int32 array (X, Y, Z)
        0, or the index of a lesion: from 1, CMB first, the most probable of each class first;
        then the candidates, those nearest to their threshold first.
    lesions : list of Lesion
        In the order of their indices.

    """
    names = list(CLASSES)
    limit = np.array([thresholds[name] for name in names]).reshape(-1, 1, 1, 1)
    brain_mask = np.asarray(brain_mask) > 0
    allowed = {'CMB': brain_mask, 'iron': brain_mask & (np.asarray(iron_mask) > 0)}
    candidate = np.stack([allowed[name] for name in names])
    outline = np.minimum(limit, extent)
    candidate &= probabilities >= outline
    owner = np.argmax(np.where(candidate, probabilities / limit, 0), axis=0)
    free = ~candidate.any(axis=0)

    found: list[tuple] = []
    fewest = min_volume_mm3 / float(np.prod(zooms))
    for channel, name in enumerate(names):
        own, probability = candidate[channel] & (owner == channel), probabilities[channel]
        least = near * thresholds[name]
        found += [(name, *one) for one in _components(own, probability, least, fewest)]
        if least < outline[channel]:
            # What stays below the outline everywhere is outlined where it is near enough.
            low = allowed[name] & (own | free) & (probability >= least)
            faint = _components(low, probability, least, fewest)
            found += [(name, *one) for one in faint if one[1] < outline[channel]]
    reached = [peak / thresholds[name] for name, _, peak in found]
    # Sorting is stable: the lesions stay as they are, before the candidates.
    order = sorted(range(len(found)), key=lambda i: -min(reached[i], 1.0))

    labels = np.zeros(probabilities.shape[1:], dtype=np.int32)
    lesions = []
    for index, i in enumerate(order, start=1):
        name, voxels, peak = found[i]
        labels[voxels] = index
        lesions.append(Lesion(index, name, peak))
    return labels, lesions


def class_map(labels: np.ndarray, lesions: Sequence[Lesion]) -> np.ndarray:
    """Value in :data:`deepmir_bids.CLASSES` of each voxel's lesion, 0 elsewhere: uint8."""
    return np.array([0, *(CLASSES[one.name] for one in lesions)], dtype=np.uint8)[labels]


def iron_area(basal_ganglia: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Where an iron deposit may lie: a mask (X, Y, Z) of the nuclei, widened by the margin."""
    return dilate(basal_ganglia, affine, IRON_MARGIN_MM)


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
