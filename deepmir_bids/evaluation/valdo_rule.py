"""The rule by which the VALDO challenge judged microbleeds (its task 2).

As the challenge's own code does it (WhereIsValdo/valdo-eval-2021), save for its count of missed
lesions, which is one too low where a false positive has no partner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: The limit reported for the challenge; its command's default, 0.1 mm, matches next to nothing.
DISTANCE_MM = 5.0


@dataclass(frozen=True)
class ValdoScore:
    """One subject by VALDO's rule.

    ``TP`` and ``FP`` count found lesions, ``FN`` true ones; ``dice`` is the mean over the detected
    ones. ``F1`` and ``dice`` are NaN without a true lesion.
    """

    TP: int
    FP: int
    FN: int
    F1: float
    dice: float
    absolute_count_difference: int
    absolute_volume_difference_mm3: float


def score_valdo(
    truth: np.ndarray,
    found: np.ndarray,
    zooms: Sequence[float],
    distance_mm: float = DISTANCE_MM,
    connectivity: int = 3,
) -> ValdoScore:
    """Judge one subject.

    Each found lesion goes to the true one whose centroid is nearest, if that is nearer than the
    limit; of those that go to one true lesion the nearest is a true positive, all of them if they
    are equally near, and the others are false positives. None is assigned a second time.

    Parameters
    ----------
    truth, found
        Arrays (X, Y, Z): truth is any value but 0, found is 0.5 and more.
    zooms
        Voxel sizes in mm; the affine plays no part.
    distance_mm
        Centroids have to be nearer than this.
    connectivity
        Of the components: 3 joins voxels by corners (26 neighbours), 1 by faces only (6).

    """
    from scipy.ndimage import generate_binary_structure, label

    sizes = np.asarray(zooms, dtype=float)
    structure = generate_binary_structure(3, connectivity)
    true_labels, true_count = label(np.asarray(truth) != 0, structure)
    found_labels, found_count = label(np.asarray(found) >= 0.5, structure)
    owner, distance = _assign(true_labels, found_labels, sizes, distance_mm)
    tp = np.zeros(found_count, dtype=bool)
    dice = []
    for index in np.unique(owner[owner > 0]):
        assigned = owner == index
        tp |= assigned & (distance == distance[assigned].min())
        union = np.isin(found_labels, 1 + np.flatnonzero(assigned))
        dice.append(_dice(true_labels == index, union))
    missed = true_count - len(dice)
    hits = int(tp.sum())
    return ValdoScore(
        TP=hits,
        FP=found_count - hits,
        FN=missed,
        F1=2 * hits / (2 * hits + missed + found_count - hits) if true_count else np.nan,
        dice=(float(np.mean(dice)) if dice else 0.0) if true_count else np.nan,
        absolute_count_difference=abs(found_count - true_count),
        absolute_volume_difference_mm3=float(
            abs(np.count_nonzero(found_labels) - np.count_nonzero(true_labels)) * sizes.prod()
        ),
    )


def _assign(true_labels, found_labels, sizes, distance_mm) -> tuple[np.ndarray, np.ndarray]:
    """Index of the true lesion that each found one goes to (0: none), and its distance in mm."""
    from scipy.ndimage import center_of_mass

    def centroids(labels):
        centres = center_of_mass(labels > 0, labels, range(1, labels.max() + 1))
        return np.array(centres).reshape(-1, 3) * sizes

    apart = np.linalg.norm(centroids(found_labels)[:, None] - centroids(true_labels), axis=-1)
    if not apart.size:
        return np.zeros(len(apart), dtype=int), np.full(len(apart), np.inf)
    nearest = apart.argmin(axis=1)
    distance = apart.min(axis=1)
    return np.where(distance < distance_mm, nearest + 1, 0), distance


def _dice(true: np.ndarray, predicted: np.ndarray) -> float:
    return float(2 * np.count_nonzero(true & predicted) / (true.sum() + predicted.sum()))
