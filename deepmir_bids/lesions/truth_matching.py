"""Which found lesions are true: one-to-one matching, and the figures that follow from it.

The rule: a found and a true lesion match when they overlap by a voxel or their centroids lie
within 5 mm of one another (in mm, by the affine), one to one, the nearest pair first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

MATCHING_DISTANCE_MM = 5.0


@dataclass(frozen=True)
class Match:
    """How the lesions of one class in one subject compare with the truth.

    ``pairs`` holds (truth, found) label indices; ``missed`` and ``false`` those without a partner;
    ``diameter_mm`` the true lesions' equivalent diameters by index.
    """

    pairs: list[tuple[int, int]]
    missed: list[int]
    false: list[int]
    diameter_mm: dict[int, float]


@dataclass(frozen=True)
class Comparison:
    """Everything that matching needs to know of two label images.

    ``candidates`` holds (distance in mm, truth, found) of pairs that may match; ``diameter_mm``
    the true lesions' equivalent diameters by index; ``found`` the found lesions' indices.
    """

    candidates: list[tuple[float, int, int]]
    diameter_mm: dict[int, float]
    found: list[int]

    def match(self, found: Iterable[int] | None = None) -> Match:
        """Match one to one, the nearest first; only the given ``found`` lesions, or all."""
        free_true = set(self.diameter_mm)
        free_found = set(self.found if found is None else found)
        pairs: list[tuple[int, int]] = []
        for _, t, f in self.candidates:
            if t in free_true and f in free_found:
                pairs.append((t, f))
                free_true.remove(t)
                free_found.remove(f)
        return Match(pairs, sorted(free_true), sorted(free_found), self.diameter_mm)


def compare(
    truth: np.ndarray,
    found: np.ndarray,
    affine: np.ndarray,
    distance_mm: float = MATCHING_DISTANCE_MM,
) -> Comparison:
    """List which lesions of one class may match.

    Parameters
    ----------
    truth, found
        Int arrays (X, Y, Z): one index per lesion, 0 elsewhere (:func:`index_lesions` makes them
        from a mask).
    affine
        (4, 4), voxel to world mm.
    distance_mm
        Centroids that lie no further apart match without any overlap.

    Examples
    --------
    Two true microbleeds, 10 mm apart along X; one candidate beside the first, at 2 mm:

    >>> truth, found = np.zeros((2, 20, 5, 5), dtype=int)
    >>> truth[2, 2, 2], truth[12, 2, 2], found[4, 2, 2] = 1, 2, 1
    >>> comparison = compare(truth, found, np.eye(4))
    >>> comparison.candidates
    [(2.0, 1, 1)]
    >>> comparison.match()  # doctest: +ELLIPSIS
    Match(pairs=[(1, 1)], missed=[2], false=[], diameter_mm={1: 1.24..., 2: 1.24...})

    With that candidate left out, as below some threshold, both are missed:

    >>> comparison.match([]).missed
    [1, 2]

    """
    true_index, true_mm, true_count = _centroids(truth, affine)
    found_index, found_mm, _ = _centroids(found, affine)
    distance = np.linalg.norm(true_mm[:, None] - found_mm[None], axis=-1)
    both = (truth > 0) & (found > 0)
    overlap = set(zip(truth[both].tolist(), found[both].tolist(), strict=True))
    candidates = sorted(
        (float(distance[i, j]), t, f)
        for i, t in enumerate(true_index)
        for j, f in enumerate(found_index)
        if distance[i, j] <= distance_mm or (t, f) in overlap
    )
    volume = abs(float(np.linalg.det(affine[:3, :3])))
    diameter = {
        t: (6 * n * volume / np.pi) ** (1 / 3) for t, n in zip(true_index, true_count, strict=True)
    }
    return Comparison(candidates, diameter, found_index)


def match(
    truth: np.ndarray,
    found: np.ndarray,
    affine: np.ndarray,
    distance_mm: float = MATCHING_DISTANCE_MM,
) -> Match:
    """Match the lesions of one class; see :func:`compare` and :meth:`Comparison.match`.

    Examples
    --------
    A true lesion of four voxels, found in part, and a false one 9 mm away:

    >>> truth, found = np.zeros((2, 20, 5, 5), dtype=int)
    >>> truth[2:6, 2, 2], found[5:7, 2, 2], found[15, 2, 2] = 1, 1, 2
    >>> result = match(truth, found, np.eye(4))
    >>> result.pairs, result.missed, result.false
    ([(1, 1)], [], [2])

    """
    return compare(truth, found, affine, distance_mm).match()


def score(matches: Iterable[Match], min_diameter_mm: float = 0.0) -> dict[str, float]:
    """Pooled counts and rates over subjects, for true lesions of at least a diameter (mm).

    Smaller true lesions count neither as found nor as missed, and a lesion found where they are is
    no false positive. Rates that would divide by zero are NaN.

    Examples
    --------
    One subject with two true lesions, of 2 and 4 mm, of which the larger was found:

    >>> subject = Match(pairs=[(2, 1)], missed=[1], false=[2], diameter_mm={1: 2.0, 2: 4.0})
    >>> figures = score([subject])
    >>> figures['TP'], figures['FP'], figures['FN'], figures['sensitivity']
    (1, 1, 1, 0.5)
    >>> score([subject], min_diameter_mm=3)['sensitivity']
    1.0

    """
    matches = list(matches)
    tp = fn = fp = 0
    for subject in matches:
        tp += sum(subject.diameter_mm[t] >= min_diameter_mm for t, _ in subject.pairs)
        fn += sum(subject.diameter_mm[t] >= min_diameter_mm for t in subject.missed)
        fp += len(subject.false)
    return {
        'TP': tp,
        'FP': fp,
        'FN': fn,
        'sensitivity': _ratio(tp, tp + fn),
        'precision': _ratio(tp, tp + fp),
        'F1': _ratio(2 * tp, 2 * tp + fp + fn),
        'FP_per_subject': _ratio(fp, len(matches)),
    }


def index_lesions(mask: np.ndarray) -> np.ndarray:
    """Give each 26-connected component of a bool ``mask`` (X, Y, Z) an index from 1."""
    from scipy.ndimage import label

    return label(mask, np.ones((3, 3, 3), dtype=bool))[0]


def _centroids(labels, affine) -> tuple[list[int], np.ndarray, list[int]]:
    """Index, centroid in mm (n, 3) and number of voxels of each lesion."""
    from nibabel.affines import apply_affine

    voxels = np.argwhere(labels > 0)
    index, owner, count = np.unique(
        labels[tuple(voxels.T)], return_inverse=True, return_counts=True
    )
    sums = np.stack([np.bincount(owner, axis, len(index)) for axis in voxels.T], axis=-1)
    centroid = apply_affine(affine, sums / np.maximum(count, 1)[:, None])
    return index.tolist(), centroid.reshape(-1, 3), count.tolist()


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float('nan')
