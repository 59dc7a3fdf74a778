"""QSM in one unit and one sign: ppm, paramagnetic positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepmir_bids.errors import InputError

if TYPE_CHECKING:
    import numpy as np

#: How a QSM map becomes ppm, paramagnetic positive.
QSM_SCALES = {'ppm': 1.0, 'ppb': 1e-3, 'negated-ppm': -1.0, 'negated-ppb': -1e-3}
#: 99th percentile of |χ| inside a brain: in ppm about 0.1 to 0.3, in ppb a thousand times that.
PPM_RANGE = (0.02, 2.0)
#: Half of the range from the 16th to the 84th percentile in a brain: .018 to .033 ppm in real and
#: simulated ones.
SPREAD_PPM = (0.006, 0.05)
#: Contrast of the iron-rich nuclei with the brain, in standard deviations, that decides a sign.
MIN_CONTRAST = 0.25
#: A susceptibility map has both signs in the brain; a magnitude image has only one.
MIN_SHARE_OF_EACH_SIGN = 0.02


@dataclass(frozen=True)
class ChiScale:
    """What a map has to be multiplied with to be in ppm, and why."""

    factor: float
    reason: str


def chi_scale(
    chi: np.ndarray,
    brain_mask: np.ndarray,
    iron_rich: np.ndarray,
    *,
    name: str = 'QSM',
    asked: str = 'auto',
) -> ChiScale:
    """Recognise unit and sign of a susceptibility map by its values and its deep nuclei.

    Parameters
    ----------
    chi
        Susceptibility in an unknown unit and sign, shape (X, Y, Z); 0 where not measured.
    brain_mask, iron_rich
        Masks of the same shape: the brain, and caudate, putamen and pallidum.
    name
        The file, for the error.
    asked
        ``auto``, or a key of :data:`QSM_SCALES`, which settles it.

    Raises
    ------
    InputError
        The map is no susceptibility map, or cannot be decided.

    Examples
    --------
    A map in ppb: brain of ±30, basal ganglia of 80.

    >>> import numpy as np
    >>> chi = np.random.default_rng(0).normal(0, 30, (20, 20, 20))
    >>> brain, nuclei = np.ones(chi.shape, dtype=bool), np.zeros(chi.shape, dtype=bool)
    >>> nuclei[5:8, 5:8, 5:8] = True
    >>> chi[nuclei] += 80
    >>> chi_scale(chi, brain, nuclei).factor
    0.001

    """
    import numpy as np

    if asked != 'auto':
        return ChiScale(QSM_SCALES[asked], f'--qsm-scale {asked}')

    cure = 'say what it is with --qsm-scale, or leave it out with --inputs.'
    measured = brain_mask.astype(bool) & (chi != 0) & np.isfinite(chi)
    values = chi[measured]
    if values.size < 1000:
        raise InputError(f'{name} has no values inside the brain: {cure}')
    negative = (values < 0).mean()
    if not MIN_SHARE_OF_EACH_SIGN < negative < 1 - MIN_SHARE_OF_EACH_SIGN:
        raise InputError(
            f'{name} has values of one sign only in the brain, as no susceptibility map has: '
            f'{cure}'
        )

    extreme = float(np.percentile(np.abs(values), 99))
    fitting = [
        u for u in ('ppm', 'ppb') if PPM_RANGE[0] <= extreme * QSM_SCALES[u] <= PPM_RANGE[1]
    ]
    if not fitting:
        raise InputError(
            f'{name} is neither in ppm nor in ppb (99 % of the brain lies within '
            f'±{extreme:.3g}): {cure}'
        )

    nuclei = chi[measured & iron_rich.astype(bool)]
    spread = float(np.subtract(*np.percentile(values, (84, 16)))) / 2
    contrast = (float(np.mean(nuclei)) - float(np.median(values))) / spread if nuclei.size else 0.0
    if abs(contrast) < MIN_CONTRAST:
        raise InputError(
            f'{name}: its sign cannot be told, the basal ganglia are neither brighter nor darker '
            f'than the brain: {cure}'
        )
    spread_ppm = spread * QSM_SCALES[fitting[0]]
    if not SPREAD_PPM[0] <= spread_ppm <= SPREAD_PPM[1]:
        raise InputError(
            f'{name} has a spread of {spread_ppm:.3f} ppm in the brain, where maps have '
            f'{SPREAD_PPM[0]} to {SPREAD_PPM[1]}: perhaps it has the scale (scl_slope) of another '
            f'image; {cure}'
        )
    sign = 1.0 if contrast > 0 else -1.0
    reason = f'{fitting[0]} by its range, {"as is" if sign > 0 else "negated"} by its deep nuclei'
    return ChiScale(sign * QSM_SCALES[fitting[0]], reason)
