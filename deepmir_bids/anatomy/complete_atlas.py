"""Make an atlas cover the whole brain: what it does not name, the built-in shapes do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepmir_bids.anatomy.atlas_structures import REGIONS, Structure
from deepmir_bids.anatomy.brain_regions import brain_structures, draw_structures, regions_of
from deepmir_bids.anatomy.deep_nuclei import nuclei

#: Labels this coarse say less than the built-in lobes and deep white matter.
COARSE = ('cerebral white matter', 'cerebral cortex')
#: Nuclei that are drawn over an atlas' larger label (brainstem, cerebellum) if it lacks them.
SMALL = ('substantia nigra', 'red nucleus', 'subthalamic nucleus', 'dentate')


def complete_atlas(
    labels: np.ndarray,
    affine: np.ndarray,
    structures: tuple[Structure, ...],
    brain_mask: np.ndarray,
) -> tuple[np.ndarray, tuple[Structure, ...]]:
    """An atlas whose every brain voxel has a structure and a region.

    Parameters
    ----------
    labels
        Label image, (X, Y, Z).
    affine
        Its 4x4 affine; the world is MNI mm.
    structures
        What the values mean; regions may be empty and are then those of the built-in map that
        most of the structure lies in.
    brain_mask
        Array of that shape; outside it all labels are 0.

    Returns
    -------
    labels, structures
        uint16 of that shape. Structures that the atlas has keep their values; those filled in
        follow after the next round hundred.

    """
    brain = np.asarray(brain_mask) > 0
    kept = tuple(s for s in structures if s.kind not in COARSE)
    labels = np.where(brain & np.isin(labels, [s.index for s in kept]), labels, 0)
    labels = labels.astype(np.uint16)
    drawn = draw_structures(labels.shape, affine, brain)
    regions = regions_of(drawn, brain_structures())
    kept = tuple(_with_region(s, labels, regions) for s in kept)

    offset = 100 * (1 + max((s.index for s in kept), default=0) // 100)
    filled_in = np.zeros(len(brain_structures()) + 1, np.uint16)
    for structure in brain_structures():
        filled_in[structure.index] = _filling_label(structure, kept, offset)
    missing = set(SMALL) - {s.kind for s in kept}
    over = [s.index for s in brain_structures() if s.kind in missing]
    fill = brain & ((labels == 0) | np.isin(drawn, over))
    labels[fill] = filled_in[drawn[fill]]
    values = set(np.unique(labels).tolist())
    added = (replace(s, index=s.index + offset) for s in brain_structures())
    return labels, kept + tuple(s for s in added if s.index in values)


def _filling_label(structure: Structure, kept: tuple[Structure, ...], offset: int) -> int:
    """The completed atlas's label for voxels that the built-in map calls ``structure``."""
    for same in kept:
        if same.name == structure.name and structure not in nuclei():
            return same.index
    if structure in nuclei() and structure.kind in {s.kind for s in kept}:
        # The atlas draws this nucleus and leaves this voxel out: it is the tissue around.
        side = structure.name.split()[0]
        white = next(s for s in brain_structures() if s.name == f'{side} deep white matter')
        return white.index + offset
    return structure.index + offset


def _with_region(structure: Structure, labels: np.ndarray, regions: np.ndarray) -> Structure:
    if structure.region:
        return structure
    counts = np.bincount(regions[labels == structure.index], minlength=4)[1:]
    return replace(structure, region=list(REGIONS)[int(counts.argmax())])
