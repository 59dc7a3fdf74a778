"""One susceptibility-weighted image (SWI) from several echoes, and its projection."""

from collections.abc import Sequence

import numpy as np

from deepmir_bids.reconstruction.homodyne import highpass_phase
from deepmir_bids.reconstruction.susceptibility_weighting import phase_mask

#: Thickness of the projection in mm.
MINIP_MM = 10.0


def swi_of_echoes(
    images: np.ndarray,
    times_s: Sequence[float],
    paramagnetic_sign: int,
    width: int = 64,
    power: int = 4,
) -> np.ndarray:
    """Return magnitude x phase mask^power of several echoes together.

    The magnitude is the mean of the echoes' weighted by echo time, as if of one echo that is late
    and little noisy. The phase is the mean of their rates, each high-pass filtered by itself and
    weighted by its precision, times the echo time that the magnitude amounts to. One echo gives
    what `susceptibility_weighted` does.

    Parameters
    ----------
    images
        Complex images (echoes, X, Y, Z), slices along the last axis.
    times_s
        Echo times in s.
    paramagnetic_sign, width, power
        As for `deepmir_bids.reconstruction.susceptibility_weighting.susceptibility_weighted`.

    Returns
    -------
    swi
        (X, Y, Z), float32, in the unit of the magnitude.

    """
    times = np.asarray(times_s, np.float32)
    late = amounts_to(times_s)
    magnitude, turned, weight = (np.zeros(images.shape[1:], np.float32) for _ in range(3))
    for image, time in zip(images, times, strict=True):
        strength = np.abs(image)
        magnitude += strength * (time / np.sum(times))
        trust = (strength * time) ** 2
        turned += trust * highpass_phase(image, width) * (late / time)
        weight += trust
    turned /= np.maximum(weight, np.finfo(np.float32).tiny)
    return (magnitude * phase_mask(turned, paramagnetic_sign) ** power).astype(np.float32)


def amounts_to(times_s: Sequence[float]) -> float:
    """Echo time in s that the weighted mean of some echoes amounts to.

    Examples
    --------
    >>> amounts_to([0.01, 0.03])
    0.025

    """
    times = np.asarray(times_s, float)
    return float(np.sum(times**2) / np.sum(times))


def minimum_projection(swi: np.ndarray, slice_mm: float) -> np.ndarray:
    """Return the smallest value within `MINIP_MM` along the last axis, round each slice."""
    from scipy import ndimage

    slices = max(1, round(MINIP_MM / slice_mm))
    return ndimage.minimum_filter1d(swi, slices, axis=-1, mode='nearest')
