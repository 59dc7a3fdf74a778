"""How a patch varies from one sight to the next: place, intensities, and what was measured at all.

The sign of a QSM is never changed: it tells a microbleed from a calcification.
"""

from __future__ import annotations

import numpy as np

SWI, QSM, T2W = range(3)
#: Value of a signal void in an SWI that is normalised (``intensity_normalisation.normalise_swi``).
VOID = -4.0
#: How often a patch keeps its QSM, its T2w: all four combinations of inputs are common.
KEPT = {(True, True): 0.36, (True, False): 0.2, (False, True): 0.2, (False, False): 0.24}
#: How often each axis is mirrored: a head has no preferred side, but it has a front and a top.
MIRRORED = (0.5, 0.2, 0.1)


def augment(x, target, weight, rng: np.random.Generator):
    """Vary a patch: ``x`` (3, X, Y, Z) with NaN where unmeasured, ``target``, ``weight``."""
    flips = [axis + 1 for axis, often in enumerate(MIRRORED) if rng.random() < often]
    x, target, weight = (np.flip(part, flips).copy() for part in (x, target, weight))
    drop_inputs(x, rng)
    if rng.random() < 0.4:
        hide_border(x, rng)
    if rng.random() < 0.3:
        # A T2w is registered: it may be a voxel off.
        x[T2W] = np.roll(x[T2W], rng.integers(-1, 2, size=3), axis=(0, 1, 2))
    if rng.random() < 0.5:
        bend(x[SWI], rng)
    vary_intensity(x, rng)
    if rng.random() < 0.12:
        soften(x, rng)
    if rng.random() < 0.12:
        soften(x[QSM : QSM + 1], rng)
    return x, target, weight


def drop_inputs(x: np.ndarray, rng: np.random.Generator) -> None:
    """Remove QSM, T2w, both or neither, in place. SWI always stays."""
    combination = list(KEPT)[rng.choice(len(KEPT), p=list(KEPT.values()))]
    for channel, kept in zip((QSM, T2W), combination, strict=True):
        if not kept:
            x[channel] = np.nan


def hide_border(x: np.ndarray, rng: np.random.Generator) -> None:
    """Erode the region where QSM was measured, by up to 6 mm, in place: masks differ by method."""
    from scipy.ndimage import minimum_filter1d

    measured = np.isfinite(x[QSM])
    if measured.all() or not measured.any():
        return
    grown = measured.astype(np.uint8)
    for axis, radius in enumerate((rng.integers(1, 8), rng.integers(1, 8), rng.integers(1, 4))):
        grown = minimum_filter1d(grown, 2 * int(radius) + 1, axis=axis, mode='nearest')
    x[QSM][grown == 0] = np.nan


def strip(x: np.ndarray, brain_mask: np.ndarray) -> None:
    """Leave nothing outside the brain, in place, as in images that come without skull."""
    x[SWI][~brain_mask] = VOID
    x[T2W][~brain_mask] = np.nan


def bend(swi: np.ndarray, rng: np.random.Generator) -> None:
    """Raise the signal of a normalised SWI to a power, in place.

    Echo time and field, and how often the phase mask multiplies, are factors of its logarithm.
    """
    power = np.exp(rng.uniform(-0.5, 0.5))
    swi[:] = np.minimum(VOID - VOID * np.maximum(1 - swi / VOID, 0) ** power, -VOID)


def vary_intensity(x: np.ndarray, rng: np.random.Generator) -> None:
    """Scale, shift and add noise to each image, in place, in its normalised units.

    Phase masks and QSM inversions differ by a third from one site to the next.
    """
    for channel, (scale, shift, noise) in enumerate(
        ((0.3, 0.2, 0.35), (0.35, 0.1, 0.4), (0.3, 0.5, 0.4))
    ):
        factor = 1 + rng.uniform(-scale, scale)
        offset = rng.uniform(-shift, shift)
        x[channel] *= np.float32(factor)
        x[channel] += np.float32(offset)
        if rng.random() < 0.5:
            grain = rng.standard_normal(x.shape[1:], dtype=np.float32)
            x[channel] += np.float32(rng.uniform(0, noise)) * grain


def soften(x: np.ndarray, rng: np.random.Generator) -> None:
    """Smooth all of ``x`` alike, in place: as with larger voxels, or a more regular inversion."""
    from scipy.ndimage import gaussian_filter

    sigma = rng.uniform(0.3, 1.1) * np.array([1.0, 1.0, 0.6])
    for image in x:
        measured = np.isfinite(image)
        if measured.any():
            image[measured] = gaussian_filter(np.where(measured, image, 0), sigma)[measured]
