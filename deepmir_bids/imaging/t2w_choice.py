"""Which of several T2w images serves best: one that shows the SWI's brain, and is T2-weighted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.nifti_file import read_grid
from deepmir_bids.imaging.read_image import load_volume

#: The brain lies in this central part of the SWI's field of view, along each axis.
CENTRAL = 0.7
#: Images whose share of that part is lower than the best one's by more than this are slabs.
LESS_COVERED = 0.1
#: A contrast must be this much higher to count: two runs of one sequence differ by less.
CLEARLY = 1.15


@dataclass(frozen=True)
class T2wView:
    """What a T2w shows; ``coverage`` of the SWI's centre, and how far CSF outshines the brain.

    The contrast is the 98th percentile of the signal over its median in the centre of the image:
    about 2 in a T2w, 1.3 and less in a proton-density image or a FLAIR.
    """

    path: Path
    coverage: float
    contrast: float


def choose_t2w(paths: Sequence[Path], swi: Path | None) -> dict[Path, str]:
    """Order T2w images, the best first, and say of each but the first why it is not.

    Parameters
    ----------
    paths
        In the order of their names, by which they are taken where nothing else decides. One that
        cannot be used comes last.
    swi
        The SWI, whose brain is to be seen; if there is none, all cover it equally.

    """
    unused, views = [], []
    for path in paths:
        try:
            views.append(_look(path, swi))
        except InputError:
            unused.append(path)
    if not views:
        return dict.fromkeys(paths, 'it comes later by name')
    most = max(view.coverage for view in views)
    whole = [view for view in views if view.coverage >= most - LESS_COVERED]
    best = whole[0]
    for view in whole[1:]:
        if view.contrast > CLEARLY * best.contrast:
            best = view
    why = {best.path: ''}
    for view in views:
        if view not in whole:
            why[view.path] = (
                f'it shows {view.coverage:.0%} of the SWI’s centre, {best.path.name} '
                f'{best.coverage:.0%}'
            )
        elif best.contrast > CLEARLY * view.contrast:
            why[view.path] = f'it is less T2-weighted than {best.path.name}'
        elif view is not best:
            why[view.path] = 'it comes later by name'
    return why | dict.fromkeys(unused, 'it cannot be used')


def _look(path: Path, swi: Path | None) -> T2wView:
    image, _ = load_volume(path)
    values = image.get_fdata(dtype=np.float32)
    centre = tuple(slice(round(0.2 * n), max(round(0.8 * n), 1)) for n in values.shape)
    signal = values[centre]
    signal = signal[signal > 0.1 * signal.mean()]
    middle, bright = np.percentile(signal, (50, 98)) if signal.size else (1.0, 0.0)
    return T2wView(path, _coverage(image, swi), float(bright / middle))


def _coverage(image, swi: Path | None) -> float:
    """Share of the centre of the SWI's field of view that lies in an image's."""
    import nibabel as nib

    if swi is None:
        return 1.0
    try:
        reference = read_grid(swi)
    except InputError:  # what is wrong with it is said where it is used
        return 1.0
    if len(reference.shape) < 3:
        return 1.0
    sides = [(0.5 + CENTRAL * np.linspace(-0.5, 0.5, 9)) * (n - 1) for n in reference.shape[:3]]
    points = np.stack(np.meshgrid(*sides, indexing='ij'), -1).reshape(-1, 3)
    world = nib.affines.apply_affine(reference.affine, points)
    voxels = nib.affines.apply_affine(np.linalg.inv(image.affine), world)
    inside = (voxels > -0.5) & (voxels < np.array(image.shape[:3]) - 0.5)
    return float(inside.all(1).mean())
