"""From images on the SWI's grid to the network's input, and from its probabilities back.

Both lie on the model's working grid. Training and the app call the same two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepmir_bids import INPUTS
from deepmir_bids.imaging.intensity_normalisation import NORMALISATIONS
from deepmir_bids.imaging.resampling import measured_voxels, resample
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.working_grid import WorkingGrid, working_grid

#: Slices are padded to this size at least, and to a multiple of the step.
SLICE_SIZE = 256
SLICE_STEP = 32


@dataclass(frozen=True)
class Prepared:
    """The input of a network, ``x`` (input, X, Y, Z), and its grid.

    NaN marks what was not measured, and slices that a network of whole slices leaves out.
    """

    x: np.ndarray
    brain_mask: np.ndarray
    grid: WorkingGrid


def prepare(
    swi: np.ndarray,
    qsm: np.ndarray | None,
    t2w: np.ndarray | None,
    brain_mask: np.ndarray,
    affine: np.ndarray,
    card: ModelCard,
) -> Prepared:
    """Bring the images of a unit to the working grid and intensities of a model.

    Parameters
    ----------
    swi, qsm, t2w
        Arrays (X, Y, Z) on the SWI's grid, or None; ``qsm`` in ppm, paramagnetic positive. NaN
        marks unmeasured voxels, and so do blocks of exact zeros in ``qsm`` (its mask) and ``t2w``
        (its field of view).
    brain_mask
        Bool array (X, Y, Z).
    affine
        Of the SWI (4, 4): any orientation, obliqueness and voxel size.
    card
        Of the model that is to see them.

    Raises
    ------
    ModelError
        If an input is missing that the model needs.
    ValueError
        If the brain mask is empty, or an image has no contrast inside it.

    """
    given = zip(INPUTS, (swi, qsm, t2w), strict=True)
    images = {
        name: np.asarray(image, dtype=np.float32) for name, image in given if image is not None
    }
    card.check_inputs(images)
    return PREPARATIONS[card.preparation](images, np.asarray(brain_mask) > 0, affine, card)


def _on_working_grid(
    images: dict[str, np.ndarray], brain_mask: np.ndarray, affine: np.ndarray, card: ModelCard
) -> Prepared:
    grid = working_grid(brain_mask, affine, card.spacing_mm, card.margin_mm)
    mask = to_working_grid(brain_mask.astype(np.float32), grid) >= 0.5
    x = np.full((len(card.inputs), *grid.shape), np.nan, dtype=np.float32)
    for channel, name in enumerate(card.inputs):
        if name not in images:
            continue
        values = images[name]
        measured = np.isfinite(values) if name == 'swi' else measured_voxels(values)
        values = to_working_grid(values, grid, measured)
        if np.isfinite(values[mask]).any():
            x[channel] = _normalise(values, mask, card.spacing_mm, card, name)
    return Prepared(x, mask, grid)


def _in_padded_slices(
    images: dict[str, np.ndarray], brain_mask: np.ndarray, affine: np.ndarray, card: ModelCard
) -> Prepared:
    """Whole axial slices in the SWI's own voxels, padded as the DEEPMIR authors did.

    Not quite as they did: an odd size is padded in full, and one above 256 to the next multiple of
    32, so that nothing is lost. Slices in which the SWI's sum is not positive are NaN throughout,
    and so are those beside the brain, where nothing would count.
    """
    import nibabel as nib

    orientation = nib.orientations.io_orientation(affine)
    zooms = nib.affines.voxel_sizes(affine)[np.argsort(orientation[:, 0])]
    canonical = nib.orientations.apply_orientation(brain_mask, orientation).shape
    shape = tuple(max(SLICE_SIZE, -(-n // SLICE_STEP) * SLICE_STEP) for n in canonical[:2])
    shape += canonical[2:]
    low = [(wide - n) // 2 for wide, n in zip(shape, canonical, strict=True)]
    grid = WorkingGrid(shape, -np.array(low, dtype=float), np.ones(3), canonical, orientation)
    sides = [(b, wide - n - b) for b, wide, n in zip(low, shape, canonical, strict=True)]

    def pad(image, value):
        image = nib.orientations.apply_orientation(image, orientation)
        return np.pad(image, sides, constant_values=value)

    mask = pad(brain_mask, False)
    x = np.empty((len(card.inputs), *shape), dtype=np.float32)
    left_out = ~mask.any(axis=(0, 1))
    for channel, name in enumerate(card.inputs):
        finite = np.where(np.isfinite(images[name]), images[name], 0)
        # Stretched to 0…255, the lowest value is 0: to pad with it is to pad with zeros after it.
        padded = pad(finite, finite.min())
        x[channel] = _normalise(padded, mask, zooms, card, name)
        if name == 'swi':
            left_out |= padded.sum(axis=(0, 1)) <= 0
    x[..., left_out] = np.nan
    return Prepared(x, mask, grid)


def _normalise(
    values: np.ndarray, mask: np.ndarray, zooms: Sequence[float], card: ModelCard, name: str
) -> np.ndarray:
    try:
        return NORMALISATIONS[card.inputs[name]](values, mask, zooms)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from None


#: How images become a network's input, by the name that a model card gives it.
PREPARATIONS: dict[str, Callable[..., Prepared]] = {
    'working-grid': _on_working_grid,
    'padded-slices': _in_padded_slices,
}


def restore(probabilities: np.ndarray, grid: WorkingGrid) -> np.ndarray:
    """Bring ``probabilities`` (class, *grid.shape) to the SWI's own grid, 0 outside the box.

    On a grid coarser than the working one the highest probability of a voxel's neighbourhood is
    kept: sampling between peaks would lose small lesions.

    """
    import nibabel as nib
    from scipy.ndimage import affine_transform, maximum_filter

    size = [max(1, round(1 / step)) for step in grid.step]
    canonical = nib.orientations.axcodes2ornt('RAS')
    back = nib.orientations.ornt_transform(canonical, grid.orientation)
    shape = nib.orientations.apply_orientation(
        np.broadcast_to(np.float32(0), grid.canonical_shape), back
    ).shape
    restored = np.empty((len(probabilities), *shape), dtype=np.float32)
    for own, image in zip(restored, probabilities, strict=True):
        peaks = maximum_filter(image, size) if max(size) > 1 else image
        image = affine_transform(
            peaks.astype(np.float32),
            np.diag(1 / grid.step),
            -grid.start / grid.step,
            grid.canonical_shape,
            order=1,
        )
        own[...] = nib.orientations.apply_orientation(image, back)
    return restored


def to_working_grid(
    image: np.ndarray, grid: WorkingGrid, measured: np.ndarray | None = None
) -> np.ndarray:
    """Sample ``image``, on the SWI's grid, linearly on the working grid.

    Only ``measured`` voxels count; where they make up less than half of a sample it becomes NaN.

    """
    import nibabel as nib

    image = nib.orientations.apply_orientation(image, grid.orientation)
    if measured is not None:
        measured = nib.orientations.apply_orientation(measured, grid.orientation)
    return resample(image, np.diag(grid.step), grid.start, grid.shape, measured)
