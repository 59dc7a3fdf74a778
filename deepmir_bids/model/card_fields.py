"""What the fields of a model card may hold."""

from __future__ import annotations

from deepmir_bids.bids.schema import OBJECT, TEXT, Kind, fault, is_number, number
from deepmir_bids.imaging.intensity_normalisation import NORMALISATIONS

#: More channels than this, or more levels, no network has.
MOST_CHANNELS, MOST_LEVELS = 4096, 16
_COUNT = number(1, MOST_CHANNELS, whole=True)
_PROBABILITY = Kind('a number between 0 and 1', lambda v: is_number(v) and 0 < v < 1)
_NORMALISATION = Kind(
    f'one of {", ".join(NORMALISATIONS)}', lambda v: isinstance(v, str) and v in NORMALISATIONS
)
_ARGUMENT = Kind(
    f'a whole number from 1 to {MOST_CHANNELS}, or up to {MOST_LEVELS} of them',
    lambda v: (
        not fault(v, [_COUNT]) and 0 < len(v) <= MOST_LEVELS
        if isinstance(v, list)
        else _COUNT.holds(v)
    ),
)
_CHANCE = Kind(
    'a slope from 0.01 to 100 and an offset from -50 to 50',
    lambda v: (
        isinstance(v, list)
        and len(v) == 2
        and all(map(is_number, v))
        and 0.01 <= v[0] <= 100
        and abs(v[1]) <= 50
    ),
)
#: By their names; those of :class:`deepmir_bids.model.model_registry.ModelCard`.
FIELDS = {
    **dict.fromkeys(('name', 'description', 'licence', 'intended_use', 'sha256'), TEXT),
    'preparation': TEXT,
    'network': {'name': TEXT, 'arguments': {'*': _ARGUMENT}},
    'inputs': {'*': _NORMALISATION},
    'needs': [TEXT],
    'classes': [TEXT],
    # No image of a head is finer or coarser, and no head is larger.
    'spacing_mm': [number(0.1, 20)],
    'margin_mm': number(0, 500),
    'extent': _PROBABILITY,
    'min_volume_mm3': number(0, 1e6),
    'thresholds': {'*': {'*': {'*': _PROBABILITY}}},
    'chances': {'*': {'*': _CHANCE}},
    'training': OBJECT,
    'figures': OBJECT,
}
