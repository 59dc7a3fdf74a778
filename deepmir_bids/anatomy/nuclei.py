"""Deep nuclei drawn from a small table of shapes in MNI mm.

Each nucleus is a union of a few ellipsoids, given for the left hemisphere and mirrored to the
right. The table is fitted by ``bench/fit_nuclei.py`` to the CIT168 atlas (Pauli et al., Sci Data
2018;5:180063, CC BY 4.0) and, for the thalamus, to the Harvard-Oxford subcortical atlas; the
dentate nucleus is placed after Diedrichsen et al., NeuroImage 2011;54:1786.
"""

from __future__ import annotations

import numpy as np

from deepmir_bids.anatomy.shapes import SIDES, distance_mm, load_shapes
from deepmir_bids.anatomy.structures import Structure


def nuclei() -> tuple[Structure, ...]:
    """The nuclei that `draw_nuclei` draws: 1, 2 are the left and right of the first, and so on."""
    kinds = load_shapes('nuclei').drop_duplicates('structure')
    names = [
        (f'{side} {kind}', region)
        for kind, region in zip(kinds['structure'], kinds['region'], strict=True)
        for side, _ in SIDES
    ]
    return tuple(Structure(i, name, region) for i, (name, region) in enumerate(names, start=1))


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
        uint8 of the given shape, with the values of `nuclei`. Where two nuclei overlap, a voxel
        belongs to the one it lies deeper in.
    """
    labels = np.zeros(shape, np.uint8)
    nearest = np.zeros(shape, np.float32)
    table = load_shapes('nuclei')
    for nucleus in nuclei():
        sign = dict(SIDES)[nucleus.name.split()[0]]
        rows = table[table['structure'] == nucleus.kind]
        distance = distance_mm(shape, affine, rows, sign, reach_mm=0)
        inside = distance < nearest
        nearest[inside] = distance[inside]
        labels[inside] = nucleus.index
    return labels
