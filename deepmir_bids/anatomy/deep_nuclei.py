"""Deep nuclei drawn from a small table of shapes in MNI mm.

Each nucleus is a union of a few ellipsoids, given for the left hemisphere and mirrored to the
right. The table is fitted by ``bench/fit_nuclei.py`` to the CIT168 atlas (Pauli et al., Sci Data
2018;5:180063, CC BY 4.0) and, for the thalamus, to the Harvard-Oxford subcortical atlas; the
dentate nucleus is placed after Diedrichsen et al., NeuroImage 2011;54:1786.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.ellipsoids import distance_mm, grid_points, load_shapes

#: The box in MNI mm (x, y, z) that holds all nuclei.
_LOW, _HIGH = np.array([-45, -80, -55]), np.array([45, 40, 45])


@lru_cache(maxsize=1)
def nuclei() -> tuple[Structure, ...]:
    """The nuclei that `draw_nuclei` draws: 1, 2 are the left and right of the first, and so on."""
    table = load_shapes('nuclei').drop_duplicates('structure')
    rows = [
        (f'{side} {kind}', region, kind)
        for kind, region in zip(table['structure'], table['region'], strict=True)
        for side in ('left', 'right')
    ]
    return tuple(Structure(i, *row) for i, row in enumerate(rows, start=1))


def nuclei_at(points: np.ndarray) -> np.ndarray:
    """Nucleus at each point, 0 where there is none.

    Parameters
    ----------
    points
        (n, 3), MNI mm.

    Returns
    -------
    labels
        (n,) uint8, with the values of `nuclei`. Where two nuclei overlap, a point belongs to the
        one it lies deeper in.

    """
    labels = np.zeros(len(points), np.uint8)
    deepest = np.zeros(len(points), np.float32)
    right = points[:, 0] > 0
    for left_nucleus in nuclei()[::2]:
        distance = distance_mm(points, 'nuclei', left_nucleus.kind)
        inside = distance < deepest
        deepest[inside] = distance[inside]
        labels[inside] = left_nucleus.index + right[inside]
    return labels


def draw_nuclei(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """Label image of the deep nuclei on any grid whose world is MNI mm.

    Parameters
    ----------
    shape
        The three dimensions of the grid.
    affine
        4x4 voxel to RAS+ mm of MNI152 (2009a or 2009c; they agree within a millimetre here).

    Returns
    -------
    labels
        uint8 of the given shape, with the values of `nuclei`.

    """
    points = grid_points(shape, affine)
    near = ((points > _LOW) & (points < _HIGH)).all(axis=1)
    labels = np.zeros(len(points), np.uint8)
    labels[near] = nuclei_at(points[near])
    return labels.reshape(shape)
