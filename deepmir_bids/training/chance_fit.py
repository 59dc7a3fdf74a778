"""How likely a finding is to be a lesion, learnt from findings of which that is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmir_bids.evaluation.site_thresholds import logit
from deepmir_bids.model.chances import Chance

#: What is believed of slope (its logarithm) and offset before any finding was seen: that outputs
#: are chances already. Standard deviations, in logits.
SLOPE_SD, OFFSET_SD = 0.5, 3.0


def fit_chance(outputs: Sequence[float], right: Sequence[bool]) -> Chance:
    """Fit how a network's outputs at the peaks of findings become chances.

    The most likely slope and offset of a logistic regression, shrunk towards the outputs as they
    are: with few findings little is changed.

    Parameters
    ----------
    outputs
        Of each finding, 0 to 1.
    right
        Whether it is a lesion.

    Examples
    --------
    Of findings at .9 half are right, and at .99 nine of ten:

    >>> chance = fit_chance([0.9] * 100 + [0.99] * 100, [True] * 50 + [False] * 50 + [True] * 90 +
    ...                     [False] * 10)
    >>> chance.of(np.array([0.9, 0.99])).round(2)
    array([0.5, 0.9])

    """
    from scipy.optimize import minimize

    x, sign = logit(np.asarray(outputs, float)), np.where(right, 1.0, -1.0)

    def badness(parameters: np.ndarray) -> float:
        log_slope, offset = parameters
        misfit = np.logaddexp(0, -sign * (np.exp(log_slope) * x + offset)).sum()
        return float(misfit + (log_slope / SLOPE_SD) ** 2 / 2 + (offset / OFFSET_SD) ** 2 / 2)

    log_slope, offset = minimize(badness, np.zeros(2), method='Nelder-Mead').x
    return Chance(round(float(np.exp(log_slope)), 3), round(float(offset), 3))
