"""Whether an image has the contrast of an SWI, told by its ventricles once the brain is labelled.

T1w, T2w and SWI are all magnitudes of one head, and register alike; what tells them apart is how
bright the cerebrospinal fluid is beside the white matter. ``docs/inputs.md`` has the figures that
the bounds lie between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmir_bids.anatomy.atlas_structures import Structure

FLUID, WHITE_MATTER = ('lateral ventricle',), ('deep white matter', 'cerebral white matter')
#: Fewer voxels than this say nothing.
FEWEST_VOXELS = 100
#: Median of the ventricles over that of the white matter: .77 to 1.69 in SWI and T2*w, .5 in a
#: T1w, .48 to .57 in inverted images, 2.0 to 2.4 in T2w.
LEAST, MOST = 0.65, 1.85


def why_no_swi(swi: np.ndarray, labels: np.ndarray, structures: Sequence[Structure]) -> str:
    """Say what an image seems to be, where its contrast is not an SWI's; empty if it is.

    Parameters
    ----------
    swi
        Array (X, Y, Z), 0 where not measured.
    labels
        One value for each structure, of the same shape.
    structures
        What the values mean. Without ventricles or white matter among them nothing is told.

    """
    fluid, white_matter = (
        _signal(swi, labels, structures, kinds) for kinds in (FLUID, WHITE_MATTER)
    )
    if not fluid or not white_matter:
        return ''
    ratio = fluid / white_matter
    said = f'its ventricles have {ratio:.2f} times the signal of its white matter'
    if ratio < LEAST:
        return f'{said}, as in a T1w or in an image with its values inverted'
    return f'{said}, as in a T2w' if ratio > MOST else ''


def _signal(
    swi: np.ndarray, labels: np.ndarray, structures: Sequence[Structure], kinds: Sequence[str]
) -> float:
    """Median of the structures of some kinds; 0 where there is too little of them."""
    indices = [structure.index for structure in structures if structure.kind in kinds]
    values = swi[np.isin(labels, indices) & (swi != 0)]
    return float(np.median(values)) if values.size >= FEWEST_VOXELS else 0.0
