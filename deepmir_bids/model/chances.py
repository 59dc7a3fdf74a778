"""From what a network says to a chance: the share of such findings that are lesions.

A network that learnt from patches full of lesions is sure too soon, and how much depends on the
images it has. So the log odds of its output are stretched and shifted, for each class and each
combination of inputs, until the findings of validation subjects that have a chance of 80 % are
lesions in 80 % of cases (Platt, Advances in Large Margin Classifiers 1999:61). Order is kept, so
that no lesion is found or lost by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.imaging.large_volumes import slabwise

#: Steps of probabilities, finer than the four digits of thresholds and tables. Nearly all of a
#: brain is 0 so, and its map a hundred times smaller on disk.
STEP = np.float32(2**-14)


class Chance(NamedTuple):
    """Log odds of a chance are ``slope`` times those of the network's output, plus ``offset``."""

    slope: float
    offset: float

    def of(self, output: np.ndarray | float) -> np.ndarray:
        """Chance of each output (0 to 1) of a network; float64, of the same shape.

        Examples
        --------
        >>> Chance(1.0, -2.0).of(np.array([0.0, 0.5, 0.9, 1.0])).round(3)
        array([0.   , 0.119, 0.549, 1.   ])

        """
        output = np.asarray(output, dtype=np.float64)
        with np.errstate(divide='ignore'):
            odds = np.exp(self.offset) * (output / (1 - output)) ** self.slope
            return np.where(output < 1, 1 / (1 + 1 / odds), 1.0)

    @property
    def inverse(self) -> Chance:
        """What makes outputs of chances."""
        return Chance(1 / self.slope, -self.offset / self.slope)


def as_chances(outputs: np.ndarray, chances: Mapping[str, Chance]) -> np.ndarray:
    """Turn a network's outputs (class, X, Y, Z), in the order of `CLASSES`, into chances.

    Float32; the outputs themselves for a class that is not in ``chances``.
    """
    if not chances:
        return outputs
    result = np.array(outputs, dtype=np.float32)
    for index, name in enumerate(CLASSES):
        if name in chances:
            result[index] = slabwise(chances[name].of, outputs[index])
    return result


def in_steps(probabilities: np.ndarray) -> np.ndarray:
    """Round probabilities (float32, of any shape) in place to steps of :data:`STEP`."""
    probabilities /= STEP
    np.rint(probabilities, out=probabilities)
    probabilities *= STEP
    return probabilities
