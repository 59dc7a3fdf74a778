"""What a free label says of a gradient echo's part: ``acq-GREpha``, ``rec-magnitude``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Entities by which a file says in free words what it is.
FREE = ('acquisition', 'reconstruction')
#: A phase image, as a word of its own: ``rec-phase``, ``acq-SWIpha``, but not ``acq-phantom``.
PHASE = re.compile(
    r'(?i:phase)|(?i:(?<=swi)ph(?:a|s)?)(?![a-z])|(?<![a-z])(?:pha|phs|ph)(?![a-z])'
    r'|(?:Pha|Phs|Ph)(?![a-z])|(?<![A-Za-z])(?:PHA|PHS|PH)(?![A-Za-z])'
)
#: A magnitude, likewise: ``rec-mag``, ``acq-SWIMag``, but not ``acq-magnetom``.
MAGNITUDE = re.compile(
    r'(?i:magnitude)|(?i:(?<=swi)mag)(?![a-z])|(?<![a-z])mag(?![a-z])'
    r'|Mag(?![a-z])|(?<![A-Za-z])MAG(?![A-Za-z])'
)
SWI = re.compile('swi', re.IGNORECASE)


def is_phase(label: str) -> bool:
    """Whether a label says that a file is a phase image.

    Examples
    --------
    >>> is_phase('SWIpha'), is_phase('phase'), is_phase('phantom'), is_phase('GRAPHIC')
    (True, True, False, False)

    """
    return bool(PHASE.search(label))


def part_of(entities: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Which part of a complex image a file says it is, and its entities without that word.

    ``part-`` goes before words in ``acq-`` and ``rec-``. Without any the part is None, unless a
    label says "swi": such an image was made, and is no magnitude.

    Examples
    --------
    >>> part_of({'acquisition': 'GREpha', 'run': 1})
    ('phase', {'acquisition': 'GRE', 'run': 1})
    >>> part_of({'reconstruction': 'magnitude'})
    ('mag', {})
    >>> part_of({'acquisition': 'swi'})
    ('swi', {'acquisition': 'swi'})

    """
    if entities.get('part'):
        return str(entities['part']), dict(entities)
    for entity in FREE:
        label = str(entities.get(entity) or '')
        for part, word in (('phase', PHASE), ('mag', MAGNITUDE)):
            if word.search(label):
                rest = {entity: word.sub('', label)}
                return part, {k: v for k, v in {**entities, **rest}.items() if v != ''}
    made = any(SWI.search(str(entities.get(entity) or '')) for entity in FREE)
    return 'swi' if made else None, dict(entities)
