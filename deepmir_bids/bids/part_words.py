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

    ``part-`` goes before words in ``acq-`` and ``rec-``; without any the part is None. What is
    left of a label that says "swi" gets a ``+``, which no name has: the image that is called so
    was made, and is the magnitude of no phase.

    Examples
    --------
    >>> part_of({'acquisition': 'GREpha', 'run': 1})
    ('phase', {'acquisition': 'GRE', 'run': 1})
    >>> part_of({'reconstruction': 'magnitude'})
    ('mag', {})
    >>> part_of({'acquisition': 'SWIPha'}), part_of({'acquisition': 'SWI'})
    (('phase', {'acquisition': 'SWI+'}), (None, {'acquisition': 'SWI'}))

    """
    if entities.get('part'):
        return str(entities['part']), dict(entities)
    for entity in FREE:
        label = str(entities.get(entity) or '')
        for part, word in (('phase', PHASE), ('mag', MAGNITUDE)):
            if word.search(label):
                left = {**entities, entity: word.sub('', label)}
                if any(SWI.search(str(left.get(name) or '')) for name in FREE):
                    left[entity] += '+'
                return part, {key: value for key, value in left.items() if value != ''}
    return None, dict(entities)
