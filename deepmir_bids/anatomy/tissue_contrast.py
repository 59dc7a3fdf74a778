"""Whether an image has the contrast of an SWI, told by its ventricles once the brain is labelled.

T1w, T2w and SWI are all magnitudes of one head, and register alike; what tells them apart is how
bright the cerebrospinal fluid is beside the white matter. A long echo time makes it as bright in
an SWI as in a T2w, but then veins and what lies over the sinuses go black, in an SWI alone.
``docs/inputs.md`` has the figures that the bounds lie between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from deepmir_bids.anatomy.atlas_structures import Structure

FLUID, WHITE_MATTER = ('lateral ventricle',), ('deep white matter', 'cerebral white matter')
#: Fewer voxels than this say nothing.
FEWEST_VOXELS = 100
#: Median of the ventricles over that of the white matter: .71 to 1.86 in SWI and gradient echoes,
#: 2.16 at an echo time of 40 ms, 1.69 to 1.85 in an echo-planar T2*w, .31 and .5 in two T1w, .48
#: to .57 in inverted images, 1.81 to 3.4 in T2w.
LEAST, MOST = 0.6, 1.82
#: Between these an image may be of either kind, and what is dark decides.
EITHER = (1.6, 2.4)
#: What the darkest half percent of the brain, `DEPTH_MM` and more inside, may keep of the white
#: matter's signal in an SWI, at either end of that: the brighter the ventricles are, the later is
#: the echo, and the darker are veins and nuclei. It is .03 to .6 in SWI with ventricles from 1.6
#: to 1.84, .27 at most beyond; .6 to .81 in T2w but for .45 in one whose ventricles have 2.18, and
#: .37 in one of 3.4.
DARK, DARKEST_PERCENT, DEPTH_MM = (0.68, 0.3), 0.5, 10


@dataclass(frozen=True)
class Contrast:
    """How bright the ventricles of an image, and how dark its darkest parts are.

    Both as shares of the white matter's signal; None where that cannot be told.
    """

    ratio: float | None
    darkest: float | None

    @property
    def likeness(self) -> str:
        """What the contrast is like, where it is not an SWI's; empty if it is."""
        if self.ratio is None or (self.ratio >= LEAST and not self.is_bright):
            return ''
        like = 'a T2w' if self.is_bright else 'a T1w or in an image with its values inverted'
        return (
            f'its ventricles have {self.ratio:.2f} times the signal of its white matter, as in '
            f'{like}'
        )

    @property
    def is_bright(self) -> bool:
        """Whether it may be a T2w's, which a T2*w of a long echo time comes near to."""
        if self.ratio is None:
            return False
        return self.ratio > MOST or (self.ratio > EITHER[0] and self._has_dark_parts is False)

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be a T2w's, and yet an SWI's."""
        if self.ratio is None or not self.is_bright:
            return False
        return self.ratio <= MOST or (self.ratio <= EITHER[1] and bool(self._has_dark_parts))

    @property
    def _has_dark_parts(self) -> bool | None:
        """Whether the darkest parts are as dark as in an SWI with such ventricles."""
        if self.ratio is None or self.darkest is None:
            return None
        return self.darkest <= float(np.interp(self.ratio, EITHER, DARK))


def measure_contrast(
    swi: np.ndarray,
    labels: np.ndarray,
    structures: Sequence[Structure],
    voxel_mm: Sequence[float],
) -> Contrast:
    """Measure ventricles, and what is darkest, against white matter.

    Parameters
    ----------
    swi
        Array (X, Y, Z), 0 where not measured.
    labels
        One value for each structure, 0 outside the brain, of the same shape.
    structures
        What the values mean.
    voxel_mm
        Size of a voxel, in mm.

    """
    fluid, white_matter = (
        _signal(swi, labels, structures, kinds) for kinds in (FLUID, WHITE_MATTER)
    )
    if not white_matter:
        return Contrast(None, None)
    darkest = _darkest(swi, labels != 0, voxel_mm)
    return Contrast(
        fluid / white_matter if fluid else None,
        darkest / white_matter if darkest is not None else None,
    )


def _signal(
    swi: np.ndarray, labels: np.ndarray, structures: Sequence[Structure], kinds: Sequence[str]
) -> float:
    """Median of the structures of some kinds; 0 where there is too little of them."""
    indices = [structure.index for structure in structures if structure.kind in kinds]
    values = swi[np.isin(labels, indices) & (swi != 0)]
    return float(np.median(values)) if values.size >= FEWEST_VOXELS else 0.0


def _darkest(swi: np.ndarray, brain: np.ndarray, voxel_mm: Sequence[float]) -> float | None:
    """Signal of the darkest parts inside the brain; None where too little is inside."""
    box = ndimage.find_objects(brain.astype(np.uint8))
    if not box:
        return None
    swi, brain = swi[box[0]], np.pad(brain[box[0]], 1)
    distance = ndimage.distance_transform_edt(brain, voxel_mm)[1:-1, 1:-1, 1:-1]
    values = swi[(distance > DEPTH_MM) & (swi != 0)]
    return float(np.percentile(values, DARKEST_PERCENT)) if values.size >= FEWEST_VOXELS else None
