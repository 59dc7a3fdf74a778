"""Rigid registration of two images of one subject, such as T2w to SWI."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepmir_bids.anatomy.affine_starts import (
    clip_intensity,
    mutual_information,
    register_linear,
    resample_to_spacing,
)
from deepmir_bids.anatomy.ants_images import load_ants, read_linear, to_ants

START_MM, REFINE_MM = 4.0, 3.0
#: Mutual information (nats) at a place beyond doubt.
SOUND_MI = 0.2
#: Log of the stretch, in any direction, that makes two images of one head fit best. The same head
#: had 0.005 to 0.047 (16 simulated and real pairs of T2w and SWI), another 0.044 to 0.18. What
#: mutual information gains by the stretch does not tell: the SWI's dark rim moves it, too.
LARGEST_STRETCH = 0.06
#: Mutual information (nats) below which the two have nothing in common. Unrelated: 0.05 and less.
LEAST_MI = 0.1


@dataclass(frozen=True)
class RigidRegistration:
    """``matrix`` (4x4, RAS+ mm) takes points of the moving image into the fixed image's world.

    So ``matrix @ moving.affine`` is the moving image's affine in that world. ``start`` names the
    start that won, ``'scanner'`` being the coordinates as they came; ``candidates`` holds the
    mutual information (nats) of those that were tried. ``stretch`` is the log of the stretch by
    which they would fit best.
    """

    matrix: np.ndarray
    start: str
    mutual_information: float
    candidates: dict[str, float]
    stretch: float

    @property
    def mismatch(self) -> str:
        """Why the two do not seem to show one head; empty if they do.

        They have nothing in common, or fit only if one is stretched. Heads of one size and shape
        are not told apart.
        """
        if self.mutual_information >= LEAST_MI and self.stretch <= LARGEST_STRETCH:
            return ''
        return (
            'they do not seem to show one head: after rigid registration their mutual information '
            f'is {self.mutual_information:.2f} (at least {LEAST_MI:.2f} is needed), and to fit, '
            f'one would have to be stretched by {100 * np.expm1(self.stretch):.0f}%'
        )


def register_rigid(moving, fixed, *, sloppy: bool = False) -> RigidRegistration:
    """Rigid transform between two images of one head, by the best of several starts.

    Scanner coordinates are shared more often than not, so they are a start as they are, and where
    one coarse registration begins; unless it ends at a place beyond doubt, another begins at the
    centres of mass. The start with the highest mutual information within the fixed image's head is
    refined.

    Parameters
    ----------
    moving, fixed
        nibabel images, 3D, of any grid and contrast.
    sloppy
        Look at fewer voxels, for tests of the workflow: right to half a millimetre.

    Returns
    -------
    registration
        See `RigidRegistration`.

    """
    ants_moving, ants_fixed = (
        to_ants(clip_intensity(np.squeeze(image.get_fdata(dtype=np.float32))), image.affine)
        for image in (moving, fixed)
    )
    with tempfile.TemporaryDirectory(prefix='deepmir-rigid-') as temporary:
        folder = Path(temporary)
        fine = _Pair.at(REFINE_MM, ants_moving, ants_fixed, folder, sloppy)
        coarse = _Pair.at(START_MM, fine.moving, fine.fixed, folder, sloppy)
        starts: dict[str, str | None] = {'scanner': None}
        scores = {'scanner': coarse.score(None)}
        for name, initial in (('scanner', 'Identity'), ('centres of mass', None)):
            start = f'{name}, moved'
            starts[start] = coarse.register('Rigid', initial, (40, 20), 0.3)
            scores[start] = coarse.score(starts[start])
            if scores[start] >= SOUND_MI:
                break
        best = max(scores, key=lambda start: scores[start])
        rigid = fine.register('Rigid', starts[best] or 'Identity', (15,), 0.2)
        score = fine.score(rigid)
        # Whether the heads are one is found out in full: a few voxels stretch a head by chance.
        stretched = read_linear(replace(fine, sloppy=False).register('Affine', rigid, (20,), 0.2))
        matrix = read_linear(rigid)
    stretch = np.abs(np.log(np.linalg.svd(stretched[:3, :3], compute_uv=False))).max()
    # ITK's matrix takes points of fixed to moving.
    return RigidRegistration(np.linalg.inv(matrix), best, score, scores, float(stretch))


@dataclass(frozen=True)
class _Pair:
    """The two images (ANTs) at one spacing, the fixed one's head, and a folder for transforms."""

    moving: Any
    fixed: Any
    head: np.ndarray
    folder: Path
    sloppy: bool

    @classmethod
    def at(cls, spacing_mm: float, moving, fixed, folder: Path, sloppy: bool) -> _Pair:
        mover, target = (resample_to_spacing(image, spacing_mm) for image in (moving, fixed))
        return cls(mover, target, _head(target.numpy()), folder, sloppy)

    def score(self, transform: str | None) -> float:
        """Mutual information in the head, after a transform or as it is."""
        transforms = [] if transform is None else [transform]
        registered = load_ants().apply_transforms(self.fixed, self.moving, transforms).numpy()
        return mutual_information(self.fixed.numpy(), registered, self.head)

    def register(self, kind: str, initial: str | None, iterations, sampling: float) -> str:
        return register_linear(
            kind,
            self.fixed,
            self.moving,
            iterations,
            sampling,
            self.folder,
            initial,
            sloppy=self.sloppy,
        )


def _head(array: np.ndarray) -> np.ndarray:
    """Everything brighter than the background, holes filled."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    if array.max() <= array.min():
        return np.ones(array.shape, bool)
    head = ndimage.binary_closing(array > 0.5 * threshold_otsu(array), iterations=2)
    return ndimage.binary_fill_holes(head)
