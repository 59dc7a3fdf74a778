"""The phase in radians, whatever number a scanner or a converter has stored for a full turn."""

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


def radians(stored: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Return a phase image in rad, and the unit that it was stored in.

    A phase is known by its wraps: neighbours that differ by nearly all of the range. Radians,
    degrees and the scanners' whole numbers are told apart by that range; where it is none of
    theirs, as after a scaling by ``scl_slope``, the range itself is the turn.

    Parameters
    ----------
    stored
        Phase image (X, Y, Z) or (X, Y, Z, echoes), scaled by its header; NaN counts as 0.
    name
        What an error calls the image.

    Returns
    -------
    phase
        The phase in rad, float32, within [-pi, pi).
    unit
        How the unit is named in `TURNS`, or ``'… to a turn'``.

    Raises
    ------
    InputError
        If the image is no wrapped phase.

    """
    values = np.nan_to_num(np.asarray(stored, dtype=np.float32), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    reach = high - low
    wraps = max(
        float(np.mean(np.abs(np.diff(values, axis=axis)) > STEP * reach)) for axis in (0, 1)
    )
    if reach == 0 or wraps < LEAST_WRAPS:
        raise InputError(
            f'{name}: no phase image, its values of {low:.4g} to {high:.4g} never wrap: give the '
            'phase as the scanner stores it, neither unwrapped nor filtered.'
        )
    fitting = (t for t in TURNS if FILLED * t[0] <= reach <= BEYOND * t[0])
    turn, unit = next(fitting, (reach, f'{reach:.4g} to a turn'))
    angle = values * np.float32(2 * np.pi / turn)
    return ((angle + np.pi) % np.float32(2 * np.pi) - np.pi).astype(np.float32), unit
