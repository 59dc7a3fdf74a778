"""An image in slices of three directions, with the outlines of masks (drawn by nilearn)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from deepmir_bids.imaging.large_volumes import row_ends

SLICES = 7
#: Space that is left around what is shown.
MARGIN_MM = 8.0
WIDTH_INCHES = 10.0


def plot_slices(
    background: nib.Nifti1Image,
    box: np.ndarray,
    out_file: Path,
    masks: Mapping[str, np.ndarray] | None = None,
    *,
    limits: tuple[float, float] | None = None,
    dimensions: Sequence[str] = ('z', 'x', 'y'),
) -> Path:
    """Draw seven slices in each direction, and the outline of each mask over them.

    Parameters
    ----------
    background
        Image of shape (X, Y, Z).
    box
        Mask (X, Y, Z) whose extent is shown, and which the slices are spread over.
    out_file
        PNG to write.
    masks
        Colour of each outline, and the mask (X, Y, Z).
    limits
        Values shown as black and as white; by default they follow the image within the box.
    dimensions
        Directions of the slices.

    """
    import matplotlib as mpl

    mpl.use('Agg')
    from matplotlib import pyplot as plt
    from nilearn.image import reorder_img
    from nilearn.plotting import plot_anat

    places = row_ends(np.asarray(box) > 0)
    around = _surroundings(places, background.affine)
    # Seven slices fill a row: its height follows from the sides of one of them.
    world = nib.affines.apply_affine(background.affine, places)
    extent = np.ptp(world, axis=0) + 2 * MARGIN_MM
    sides = {'x': (extent[1], extent[2]), 'y': (extent[0], extent[2]), 'z': (extent[0], extent[1])}
    heights = [WIDTH_INCHES / SLICES * sides[d][1] / sides[d][0] for d in dimensions]
    figure, rows = plt.subplots(
        len(dimensions),
        1,
        figsize=(WIDTH_INCHES, sum(heights)),
        facecolor='black',
        squeeze=False,
        gridspec_kw={'left': 0, 'right': 1, 'bottom': 0, 'top': 1, 'hspace': 0},
        height_ratios=heights,
    )
    values = background.get_fdata(dtype=np.float32)[np.asarray(box) > 0]
    low, high = limits or (min(0.0, float(values.min())), float(np.percentile(values, 99.8)))
    # An oblique image is straightened here: nilearn would do it again for each direction.
    straight = reorder_img(background.slicer[around], resample='linear')
    outlines = {
        colour: reorder_img(
            nib.Nifti1Image(mask.astype(np.uint8), background.affine).slicer[around],
            resample='nearest',
        )
        for colour, mask in (masks or {}).items()
    }
    for axes, direction in zip(rows[:, 0], dimensions, strict=True):
        axis = 'xyz'.index(direction)
        ends = world[:, axis].min(), world[:, axis].max()
        display = plot_anat(
            straight,
            display_mode=direction,
            cut_coords=np.linspace(*ends, SLICES + 2)[1:-1].tolist(),
            figure=figure,
            axes=axes,
            annotate=False,
            colorbar=False,
            radiological=True,
            vmin=low,
            vmax=high,
            black_bg=True,
        )
        for colour, outline in outlines.items():
            display.add_contours(outline, levels=[0.5], colors=[colour], linewidths=0.8)
    figure.savefig(out_file, dpi=110)
    plt.close(figure)
    return out_file


def _surroundings(places: np.ndarray, affine: np.ndarray) -> tuple[slice, ...]:
    """Extent of some voxels (N, 3) of a grid, and a margin."""
    margin = np.ceil(MARGIN_MM / nib.affines.voxel_sizes(affine)).astype(int)
    low = np.maximum(places.min(axis=0) - margin, 0)
    high = places.max(axis=0) + margin + 1
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))
