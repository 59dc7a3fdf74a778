"""R2* from the magnitude of several echoes."""

from collections.abc import Sequence

import numpy as np


def fit_r2star(magnitude: np.ndarray, times_s: Sequence[float]) -> np.ndarray:
    """Fit an exponential decay to the magnitude.

    A straight line through the logarithms, weighted by the squared magnitude, which is how the
    logarithm passes on the noise.

    Parameters
    ----------
    magnitude
        (echoes, X, Y, Z), of any unit.
    times_s
        Echo times in s.

    Returns
    -------
    r2star
        (X, Y, Z) in 1/s, float32, never negative; zero where there is no signal.

    """
    weight = np.zeros(magnitude.shape[1:], np.float32)
    time_sum, square_sum, log_sum, mixed_sum = (np.zeros_like(weight) for _ in range(4))
    for image, time in zip(magnitude, np.asarray(times_s, np.float32), strict=True):
        trust = image**2
        log = trust * np.log(np.maximum(image, np.finfo(np.float32).tiny))
        weight += trust
        time_sum += trust * time
        square_sum += trust * time**2
        log_sum += log
        mixed_sum += log * time
    spread = weight * square_sum - time_sum**2
    rate = (time_sum * log_sum - weight * mixed_sum) / np.where(spread > 0, spread, np.inf)
    return np.maximum(rate, 0).astype(np.float32)
