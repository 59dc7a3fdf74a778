"""Intensities as a network sees them: each image on a scale that means the same in every scanner.

All statistics are taken inside the brain mask: padding and air would move them from image to
image. NaN marks a voxel that was not measured, and stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deepmir_bids.imaging.large_volumes import slabwise

#: Width, in mm, of the shading that is taken out of an SWI: wide against any lesion or nucleus.
SHADING_SIGMA_MM = 20.0


def flatten_shading(
    image: np.ndarray,
    brain_mask: np.ndarray,
    zooms: Sequence[float],
    sigma_mm: float = SHADING_SIGMA_MM,
) -> np.ndarray:
    """Divide ``image`` by its own smooth level inside the brain (a normalised convolution).

    The level is estimated on every fourth voxel or so: it is smooth, and this is 50 times faster.

    Parameters
    ----------
    image
        Array (X, Y, Z), non-negative, arbitrary units; NaN where not measured.
    brain_mask
        Mask (X, Y, Z).
    zooms
        Voxel sizes in mm.
    sigma_mm
        Standard deviation of the smoothing, in mm.

    Returns
    -------
    float32 array (X, Y, Z)
        1 where the image equals its neighbourhood's level.

    """
    from scipy.ndimage import gaussian_filter

    inside = brain_mask & np.isfinite(image)
    step = [max(1, round(sigma_mm / 6 / zoom)) for zoom in zooms]
    coarse = tuple(slice(None, None, s) for s in step)
    sigma = [sigma_mm / (s * zoom) for s, zoom in zip(step, zooms, strict=True)]
    weight = inside[coarse].astype(np.float32)
    total = gaussian_filter(np.where(weight > 0, image[coarse], 0).astype(np.float32), sigma)
    weight = gaussian_filter(weight, sigma)
    typical = float(np.median(image[inside])) if inside.any() else 1.0
    # Far from the brain there is nothing to average: fall back to the brain's typical value there.
    level = (total + 1e-2 * typical) / (weight + 1e-2)
    return divide_by_coarse(image, level, step)


def divide_by_coarse(image: np.ndarray, level: np.ndarray, step: Sequence[int]) -> np.ndarray:
    """Divide an image (X, Y, Z) by a level that is known at every ``step``-th voxel of each axis.

    It is linear in between; the result is float32.
    """
    places = [np.arange(n) / s for n, s in zip(image.shape, step, strict=True)]
    for axis in (0, 1):
        level = _stretch(level, axis, places[axis])

    def divide(image: np.ndarray, level: np.ndarray) -> np.ndarray:
        return image / np.maximum(_stretch(level, 2, places[2]), np.finfo(np.float32).tiny)

    return slabwise(divide, image, level)


def _stretch(level: np.ndarray, axis: int, places: np.ndarray) -> np.ndarray:
    """Take values at places along an axis, in voxels and parts of them."""
    low = np.minimum(places.astype(int), level.shape[axis] - 1)
    high = np.minimum(low + 1, level.shape[axis] - 1)
    part = (places - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return level.take(low, axis) * (1 - part) + level.take(high, axis) * part


def normalise_swi(swi: np.ndarray, brain_mask: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """Signal relative to the tissue around: 0 for tissue, -4 for a signal void, clipped to ±4.

    A ratio, not a z-score: a void is then as dark in a noisy or veiny image as in a clean one.

    """
    flat = flatten_shading(np.maximum(swi, 0), brain_mask, zooms)
    middle, _ = robust_statistics(flat, brain_mask)
    return slabwise(lambda values: np.clip((values / middle - 1) * 4, -4, 4), flat)


def normalise_qsm(qsm: np.ndarray, brain_mask: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """Susceptibility in units of 0.125 ppm, clipped to -0.5…1 ppm (-4…8): an absolute scale.

    ``brain_mask`` and ``zooms`` are not needed: χ in ppm means the same everywhere.

    """
    return slabwise(lambda values: np.clip(values * 8, -4, 8), qsm)


def normalise_t2w(t2w: np.ndarray, brain_mask: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """Robust z-score inside the brain, clipped to ±4: a T2w has no absolute scale of contrast."""
    flat = flatten_shading(np.maximum(t2w, 0), brain_mask, zooms)
    middle, spread = robust_statistics(flat, brain_mask)
    return slabwise(lambda values: np.clip((values - middle) / spread, -4, 4), flat)


def leave_out(image: np.ndarray, brain_mask: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """All NaN, as if not measured: for a model that was trained without this input."""
    return np.full(image.shape, np.nan, dtype=np.float32)


def robust_statistics(image: np.ndarray, brain_mask: np.ndarray) -> tuple[float, float]:
    """Median, and deviation from the interquartile range, of ``image`` inside the brain.

    Raises
    ------
    ValueError
        If there is no contrast inside the brain mask.

    """
    values = image[brain_mask & np.isfinite(image)]
    if values.size == 0:
        raise ValueError('The image has no measured voxel inside the brain mask.')
    low, middle, high = np.percentile(values, (25, 50, 75))
    if not (middle > 0 and high > low):
        raise ValueError('The image is constant or zero inside the brain mask.')
    return float(middle), float((high - low) / 1.349)


def normalise_bytes(
    image: np.ndarray, brain_mask: np.ndarray, zooms: Sequence[float]
) -> np.ndarray:
    """Stretch to 0…255, then z-score over the whole array, air and padding included.

    This is how the DEEPMIR authors did it (Rashid et al. 2021); their weights expect it. Neither
    ``brain_mask`` nor ``zooms`` is used.

    Raises
    ------
    ValueError
        If the image is constant.

    """
    low, high = float(image.min()), float(image.max())
    if not high > low:
        raise ValueError('The image is constant.')
    stretched = (image - low) * (255 / (high - low))
    middle, spread = stretched.mean(dtype=np.float64), stretched.std(dtype=np.float64)
    return slabwise(lambda values: (values - middle) / spread, stretched)


#: How an input is normalised, by the name that a model card gives it.
NORMALISATIONS: dict[str, Callable[[np.ndarray, np.ndarray, Sequence[float]], np.ndarray]] = {
    'tissue-ratio': normalise_swi,
    'ppm': normalise_qsm,
    'robust-z': normalise_t2w,
    'unused': leave_out,
    'bytes-z': normalise_bytes,
}
