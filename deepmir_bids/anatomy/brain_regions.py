"""A name and a region (lobar, deep, infratentorial) for every point of the brain, in MNI mm.

After MARS (Gregoire et al., Neurology 2009;73:1759): deep is basal ganglia, thalamus, internal and
external capsule, corpus callosum, and deep and periventricular white matter; infratentorial is
brainstem and cerebellum; everything else is lobar. The large structures are unions of ellipsoids
(``bench/fit_nuclei.py``, fitted to the Harvard-Oxford subcortical atlas); lobes are parted by
planes along the central, lateral and parieto-occipital sulci.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deepmir_bids.anatomy.atlas_structures import REGIONS, Structure
from deepmir_bids.anatomy.deep_nuclei import nuclei, nuclei_at
from deepmir_bids.anatomy.ellipsoids import distance_mm, grid_points

#: White matter this near to the lateral ventricles counts as deep: the usual 10 mm.
PERIVENTRICULAR_MM = 10.0
#: How far from a nucleus the white matter around it counts as deep.
CAPSULE_MM = 5.0
#: Distance between lentiform nucleus and thalamus or caudate, across the internal capsule.
INTERNAL_CAPSULE_MM = 12.0

_UNSIDED = {'brainstem': 'infratentorial', 'corpus callosum': 'deep'}
_SIDED = {
    'cerebellum': 'infratentorial',
    'lateral ventricle': 'deep',
    'internal capsule': 'deep',
    'external capsule': 'deep',
    'deep white matter': 'deep',
    'hippocampus': 'lobar',
    'amygdala': 'lobar',
    'insula': 'lobar',
    'frontal lobe': 'lobar',
    'parietal lobe': 'lobar',
    'temporal lobe': 'lobar',
    'occipital lobe': 'lobar',
}


@lru_cache(maxsize=1)
def brain_structures() -> tuple[Structure, ...]:
    """What `draw_structures` draws: first the nuclei, with the values they have, then the rest."""
    rows = [(kind, region, kind) for kind, region in _UNSIDED.items()]
    rows += [
        (f'{side} {kind}', region, kind)
        for kind, region in _SIDED.items()
        for side in ('left', 'right')
    ]
    start = len(nuclei()) + 1
    return nuclei() + tuple(Structure(i, *row) for i, row in enumerate(rows, start=start))


def structures_at(points: np.ndarray) -> np.ndarray:
    """Structure at each point, as if the brain reached everywhere.

    Parameters
    ----------
    points
        (n, 3), MNI mm, RAS+.

    Returns
    -------
    labels
        (n,) uint8, with the values of `brain_structures`.

    """
    points = np.asarray(points, np.float32)
    index = {structure.name: structure.index for structure in brain_structures()}
    labels = np.zeros(len(points), np.uint8)
    right = points[:, 0] > 0
    for kind, where in _layers(points):
        if kind in _UNSIDED:
            labels[where] = index[kind]
        else:
            labels[where & ~right] = index[f'left {kind}']
            labels[where & right] = index[f'right {kind}']
    small = nuclei_at(points)
    return np.where(small > 0, small, labels)


def draw_structures(
    shape: tuple[int, ...], affine: np.ndarray, brain_mask: np.ndarray | None = None
) -> np.ndarray:
    """Label image of all structures on any grid whose world is MNI mm.

    Parameters
    ----------
    shape, affine
        The grid; its world is MNI mm, RAS+.
    brain_mask
        Array of that shape; where it is zero the label is 0. Without it every voxel gets the
        structure that it would have if the brain reached that far.

    Returns
    -------
    labels
        uint8 of the given shape, with the values of `brain_structures`.

    """
    mask = np.ones(shape, bool) if brain_mask is None else np.asarray(brain_mask) > 0
    labels = np.zeros(shape, np.uint8)
    points = grid_points(shape, affine, mask)
    # In pieces that stay in the processor's cache: several times as fast as all at once.
    pieces = np.array_split(points, len(points) // 2**14 + 1)
    labels[mask] = np.concatenate([structures_at(piece) for piece in pieces])
    return labels


def brain_regions(
    shape: tuple[int, ...], affine: np.ndarray, brain_mask: np.ndarray | None = None
) -> np.ndarray:
    """Region of every voxel (1 lobar, 2 deep, 3 infratentorial), as `draw_structures` does it."""
    return regions_of(draw_structures(shape, affine, brain_mask), brain_structures())


def regions_of(labels: np.ndarray, structures: tuple[Structure, ...]) -> np.ndarray:
    """Region map (uint8, the values of `REGIONS`) of a label image of some structures."""
    table = np.zeros(max(s.index for s in structures) + 1, np.uint8)
    for structure in structures:
        table[structure.index] = REGIONS[structure.region]
    return table[labels]


def _layers(points: np.ndarray):
    """Each kind of structure and where it is, (n,) bool; a later one lies over an earlier one."""
    yield from _lobes(*points.T)
    lentiform = distance_mm(points, 'nuclei', 'putamen', 'pallidum')
    medial = distance_mm(points, 'nuclei', 'caudate', 'thalamus', 'subthalamic nucleus')
    ventricle = distance_mm(points, 'regions', 'lateral ventricle')
    yield 'deep white matter', (ventricle < PERIVENTRICULAR_MM) | (medial < CAPSULE_MM)
    for kind in ('hippocampus', 'amygdala'):
        yield kind, distance_mm(points, 'regions', kind) < 0
    yield 'external capsule', lentiform < CAPSULE_MM - 1
    yield 'internal capsule', lentiform + medial < INTERNAL_CAPSULE_MM
    yield 'corpus callosum', distance_mm(points, 'regions', 'corpus callosum') < 1
    yield 'lateral ventricle', ventricle < 0
    # What lies under the tentorium is nearer to the cerebellum or the brainstem than to the
    # cerebrum and its nuclei.
    cerebellum = distance_mm(points, 'regions', 'cerebellum')
    brainstem = distance_mm(points, 'regions', 'brainstem')
    cerebrum = np.minimum(distance_mm(points, 'regions', 'cerebrum'), medial)
    yield 'cerebellum', (cerebellum < cerebrum) & (cerebellum <= brainstem)
    yield 'brainstem', (brainstem < cerebrum) & (brainstem < cerebellum)


def _lobes(x, y, z):
    """The lobes by planes, and the insula as a box (mm, MNI)."""
    lateral = np.abs(x)
    occipital = y < -60 - 0.6 * np.clip(z - 10, 0, None)
    below_lateral_sulcus = (z < -1 - 0.5 * y) & (z < 20)
    temporal = ~occipital & below_lateral_sulcus & (lateral > 18) & (y < 24)
    frontal = ~temporal & ~occipital & (y > -5 - 0.34 * (z - 10))
    yield 'frontal lobe', frontal
    yield 'parietal lobe', ~(temporal | occipital | frontal)
    yield 'temporal lobe', temporal
    yield 'occipital lobe', occipital
    yield 'insula', (lateral > 30) & (lateral < 44) & (np.abs(y) < 25) & (np.abs(z - 3) < 15)
