"""Slices of an SWI that do not fit those beside them: dead, dim, bright, or so in turn.

The network takes a dim slice for a row of lesions, since it judges a voxel by its surroundings.
"""

from __future__ import annotations

import numpy as np

#: A slice whose median is below this share of both sides' is dim, above its inverse bright. Sound
#: images, real and simulated, keep within .82 to 1.11.
DIM = 0.75
#: Every other slice is brighter by this share: sound images reach .02.
IN_TURN = 0.05
#: Slices on either side that one is held against.
BESIDE = 3
#: Slices with less of the brain than this share of the fullest one are left alone.
LEAST_AREA = 0.2
#: The brain's outer voxels do not count: a mask that is too wide has air in them.
ERODED = 3
#: Where the slices of a volume in canonical order begin.
FIRST_SLICE = ('the left', 'the back', 'below')


def level_slices(swi: np.ndarray, brain_mask: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Take faulty slices out of an SWI.

    Parameters
    ----------
    swi, brain_mask
        Arrays (X, Y, Z) in canonical order; values not negative.

    Returns
    -------
    swi
        float32; slices that are bright and dark in turn are levelled, others that do not fit are
        NaN, which is to say not measured.
    notes
        What was found, in a sentence each.

    """
    from scipy.ndimage import binary_erosion

    swi = swi.astype(np.float32)
    inner = binary_erosion(brain_mask, iterations=ERODED)
    inside = inner if inner.any() else brain_mask
    notes = []
    for axis, (name, side) in enumerate(zip('xyz', FIRST_SLICE, strict=True)):
        medians = _medians(swi, inside, axis)
        swing = _swing(medians)
        if abs(swing) > IN_TURN:
            factors = np.ones(len(medians), dtype=np.float32)
            factors[::2], factors[1::2] = 1 - swing / 2, 1 + swing / 2
            swi *= np.expand_dims(factors, tuple(a for a in range(3) if a != axis))
            notes.append(
                f'slices along {name} are bright and dark in turn, by {abs(swing):.0%}: they were '
                'levelled'
            )
            medians *= factors
        faulty = _faulty(medians)
        if faulty.size:
            place: list = [slice(None)] * 3
            place[axis] = faulty
            swi[tuple(place)] = np.nan
            listing = ', '.join(map(str, faulty))
            notes.append(
                f'slices {listing} along {name} (counted from 0, from {side}) are much darker or '
                'brighter than those beside them: they count as not measured'
            )
    return swi, notes


def _medians(swi: np.ndarray, inside: np.ndarray, axis: int) -> np.ndarray:
    """Median of each slice inside the brain; NaN where it has little of the brain."""
    values, there = np.moveaxis(swi, axis, 0), np.moveaxis(inside, axis, 0)
    area = there.sum((1, 2))
    medians = np.full(len(values), np.nan)
    for k in np.flatnonzero(area > max(LEAST_AREA * area.max(), 20)):
        part = values[k][there[k]]
        part = part[np.isfinite(part)]
        medians[k] = np.median(part) if part.size else np.nan
    return medians


def _swing(medians: np.ndarray) -> float:
    """By how much slices of even number are brighter than those of odd number, as a share."""
    middle = (medians[:-2] + medians[2:]) / 2
    with np.errstate(invalid='ignore', divide='ignore'):
        swing = (medians[1:-1] - middle) / ((medians[1:-1] + middle) / 2)
    sign = np.where(np.arange(1, len(medians) - 1) % 2 == 0, 1, -1)
    swing = (swing * sign)[np.isfinite(swing)]
    # One dim slice makes a swing of three, not of most.
    return float(np.median(swing)) if swing.size > 2 * BESIDE else 0.0


def _faulty(medians: np.ndarray) -> np.ndarray:
    """Numbers of the slices that differ from both sides."""
    faulty = []
    for k in np.flatnonzero(np.isfinite(medians)):
        sides = [medians[max(0, k - BESIDE) : k], medians[k + 1 : k + 1 + BESIDE]]
        sides = [side[np.isfinite(side)] for side in sides]
        if not all(side.size for side in sides):
            continue
        low, high = sorted(float(np.median(side)) for side in sides)
        if medians[k] < DIM * low or medians[k] > high / DIM:
            faulty.append(k)
    return np.array(faulty, dtype=int)
