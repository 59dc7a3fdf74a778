"""Whether an image has the contrast of an SWI, told by its ventricles once the brain is labelled.

T1w, T2w and SWI are all magnitudes of one head, and register alike; what tells them apart is how
bright the cerebrospinal fluid is beside the white matter. ``docs/inputs.md`` has the figures that
the bounds lie between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmir_bids.anatomy.atlas_structures import Structure

FLUID, WHITE_MATTER = ('lateral ventricle',), ('deep white matter', 'cerebral white matter')
#: Fewer voxels than this say nothing.
FEWEST_VOXELS = 100
#: Median of the ventricles over that of the white matter: .71 to 1.86 in SWI and gradient echoes,
#: 1.69 to 1.85 in an echo-planar T2*w, .31 and .5 in two T1w, .48 to .57 in inverted images,
#: 1.86 to 3.4 in T2w, of nine simulated and a real one 1.95 and more.
LEAST, MOST = 0.6, 1.82
#: Up to here an image may be of either kind.
DOUBTFUL = 1.92


@dataclass(frozen=True)
class Contrast:
    """How bright the ventricles of an image are beside its white matter.

    ``ratio`` is None where that cannot be told.
    """

    ratio: float | None

    @property
    def likeness(self) -> str:
        """What the contrast is like, where it is not an SWI's; empty if it is."""
        if self.ratio is None or LEAST <= self.ratio <= MOST:
            return ''
        like = 'a T2w' if self.is_bright else 'a T1w or in an image with its values inverted'
        return (
            f'its ventricles have {self.ratio:.2f} times the signal of its white matter, as in '
            f'{like}'
        )

    @property
    def is_bright(self) -> bool:
        """Whether it is a T2w's, which a T2*w of a long echo time comes near to."""
        return self.ratio is not None and self.ratio > MOST

    @property
    def is_doubtful(self) -> bool:
        """Whether it is hardly brighter than an SWI of a long echo time may be."""
        return self.is_bright and self.ratio is not None and self.ratio <= DOUBTFUL


def measure_contrast(
    swi: np.ndarray, labels: np.ndarray, structures: Sequence[Structure]
) -> Contrast:
    """Measure ventricles against white matter.

    Parameters
    ----------
    swi
        Array (X, Y, Z), 0 where not measured.
    labels
        One value for each structure, of the same shape.
    structures
        What the values mean.

    """
    fluid, white_matter = (
        _signal(swi, labels, structures, kinds) for kinds in (FLUID, WHITE_MATTER)
    )
    return Contrast(fluid / white_matter if fluid and white_matter else None)


def _signal(
    swi: np.ndarray, labels: np.ndarray, structures: Sequence[Structure], kinds: Sequence[str]
) -> float:
    """Median of the structures of some kinds; 0 where there is too little of them."""
    indices = [structure.index for structure in structures if structure.kind in kinds]
    values = swi[np.isin(labels, indices) & (swi != 0)]
    return float(np.median(values)) if values.size >= FEWEST_VOXELS else 0.0
