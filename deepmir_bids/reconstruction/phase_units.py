"""The phase in radians, whatever number a scanner or a converter has stored for a full turn."""

from collections.abc import Sequence

import numpy as np

from deepmir_bids.errors import InputError

#: A turn as it is stored: its length, and how the unit is named.
TURNS = (
    (2 * np.pi, 'rad'),
    (360.0, 'degrees'),
    (2000 * np.pi, 'mrad'),
    (4096.0, '4096 to a turn'),
    (8192.0, '8192 to a turn'),
)

#: How much of a turn the values must fill (noise outside the head fills all of it), and how far
#: beyond it they may reach by rounding.
FILLED, BEYOND = 0.9, 1.02

#: A wrap is a step of more than this share of the range between neighbours, and a phase has at
#: least so many of them. In a magnitude nothing is as bright as its maximum beside what is dark.
STEP, LEAST_WRAPS = 0.75, 3e-4
#: What correlates so well with the magnitude is none of its phase.
LIKE_MAGNITUDE = 0.8


def radians(
    stored: Sequence[np.ndarray], magnitudes: Sequence[np.ndarray], names: Sequence[str]
) -> tuple[list[np.ndarray], str]:
    """Return the phase images of a scan in rad, and the unit that they were stored in.

    A phase is known by its wraps: neighbours that differ by nearly all of the range. Radians,
    degrees and the scanners' whole numbers are told apart by that range; where it is none of
    theirs, as after a scaling by ``scl_slope``, the range itself is the turn. An early echo within
    a mask may not wrap: it has the turn of those that do, unless it is a magnitude.

    Parameters
    ----------
    stored
        Phase images of one scan, each (X, Y, Z) or (X, Y, Z, echoes), scaled by its header; NaN
        counts as 0.
    magnitudes
        The magnitude of each, of the same shape.
    names
        What an error calls each.

    Returns
    -------
    phases
        The phases in rad, float32, within [-pi, pi).
    unit
        How the unit is named in `TURNS`, or ``'… to a turn'``.

    Raises
    ------
    InputError
        If one of the images is no wrapped phase.

    """
    images = [np.nan_to_num(np.asarray(one, np.float32), posinf=0, neginf=0) for one in stored]
    turns = [_turn_of(values) for values in images]
    of_scan = next((turn for turn in turns if turn), None)
    phases, unit = [], ''
    for values, own, magnitude, name in zip(images, turns, magnitudes, names, strict=True):
        turn = own or of_scan
        if turn is None or not (own or _may_be_phase(values, turn[0], magnitude)):
            raise InputError(
                f'{name}: no phase image, its values of {values.min():.4g} to '
                f'{values.max():.4g} never wrap: give the phase as the scanner stores it, neither '
                'unwrapped nor filtered.'
            )
        length, unit = turn
        angle = values * np.float32(2 * np.pi / length)
        phases.append(((angle + np.pi) % np.float32(2 * np.pi) - np.pi).astype(np.float32))
    return phases, unit


def _turn_of(values: np.ndarray) -> tuple[float, str] | None:
    """Length of a full turn and the name of its unit, or None for what never wraps."""
    reach = float(values.max() - values.min())
    wraps = max(
        float(np.mean(np.abs(np.diff(values, axis=axis)) > STEP * reach)) for axis in (0, 1)
    )
    if reach == 0 or wraps < LEAST_WRAPS:
        return None
    fitting = (turn for turn in TURNS if FILLED * turn[0] <= reach <= BEYOND * turn[0])
    return next(fitting, (reach, f'{reach:.4g} to a turn'))


def _may_be_phase(values: np.ndarray, turn: float, magnitude: np.ndarray) -> bool:
    """Whether an image that never wraps may be a phase of which so much is a turn."""
    inside = values != 0
    if not 0 < np.ptp(values) <= BEYOND * turn or not np.ptp(magnitude[inside]):
        return False
    alike = np.corrcoef(values[inside], np.nan_to_num(magnitude[inside]))[0, 1]
    return bool(abs(alike) < LIKE_MAGNITUDE)
