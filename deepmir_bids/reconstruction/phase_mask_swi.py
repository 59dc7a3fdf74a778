"""Susceptibility-weighted images from a complex gradient echo.

Plain functions of arrays, as fit for a scanner's magnitude and phase as for simulated ones.
"""

import numpy as np
from scipy import fft


def highpass_phase(image: np.ndarray, width: int = 64) -> np.ndarray:
    """Return the phase of a complex image after homodyne high-pass filtering.

    Each slice (the last axis) is divided by its own low-pass filtered version, a Hann window
    ``width`` samples wide at the centre of k-space (Noll et al., IEEE TMI 1991;10:154; Haacke et
    al., Magn Reson Med 2004;52:612).

    Parameters
    ----------
    image
        Complex image (X, Y, Z).
    width
        Full width of the window in samples of k-space, of both in-plane axes.

    Returns
    -------
    Phase in rad, float32, within [-pi, pi].
    """
    windows = []
    for n in image.shape[:2]:
        distance = np.abs(fft.fftfreq(n, 1 / n)) / (min(width, n) / 2)
        windows.append(np.where(distance < 1, np.cos(np.pi * distance / 2) ** 2, 0))
    window = (windows[0][:, None] * windows[1])[..., None].astype(np.float32)
    low = fft.ifftn(fft.fftn(image.astype(np.complex64), axes=(0, 1)) * window, axes=(0, 1))
    return np.angle(image * np.conj(low)).astype(np.float32)


def phase_mask(phase: np.ndarray, paramagnetic_sign: int) -> np.ndarray:
    """Return the mask that falls linearly from 1 at zero phase to 0 at pi of paramagnetic sign.

    Parameters
    ----------
    phase
        High-pass filtered phase in rad.
    paramagnetic_sign
        +1 where the scanner's phase grows with the field, -1 where it falls (vendors differ).

    Raises
    ------
    ValueError
        If the sign is neither +1 nor -1.
    """
    if paramagnetic_sign not in (-1, 1):
        raise ValueError(f'paramagnetic_sign must be +1 or -1, not {paramagnetic_sign}.')
    return np.clip(1 - paramagnetic_sign * phase / np.pi, 0, 1).astype(np.float32)


def susceptibility_weighted(
    image: np.ndarray, paramagnetic_sign: int, width: int = 64, power: int = 4
) -> np.ndarray:
    """Return magnitude x phase mask^power of a complex image (Haacke et al. 2004).

    Parameters
    ----------
    image
        Complex image (X, Y, Z), slices along the last axis.
    paramagnetic_sign, width
        As for `phase_mask` and `highpass_phase`.
    power
        How often the mask multiplies the magnitude.
    """
    mask = phase_mask(highpass_phase(image, width), paramagnetic_sign)
    return (np.abs(image) * mask**power).astype(np.float32)
