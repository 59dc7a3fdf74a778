"""Which files could be an input of a unit, and what their names say for and against them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmir_bids.bids.brain_masks import rank_mask
from deepmir_bids.bids.filter_file import listed
from deepmir_bids.bids.part_words import FREE, is_phase

#: A minimum intensity projection is a picture made from an SWI, not an SWI. A label says so as a
#: word of its own: ``acq-minIP``, ``rec-SWImIP``, ``rec-mip10``, but not ``acq-semiparallel``.
MINIP = re.compile(r'(?i:min-?ip)|mIP|(?<![a-zA-Z])(?i:mip)|(?i:mip)(?![a-zA-Z])')
#: Of maps that are parts of one another, what is the whole: chi-separation writes
#: ``desc-paramagnetic``, ``desc-diamagnetic`` and ``desc-total``.
WHOLE = 'total'
#: The suffix of an input, where the queries know other spellings of it.
SUFFIXES = {'qsm': 'Chimap', 't2w': 'T2w', 'brain_mask': 'mask'}
#: Rank of a magnitude image that can stand in for an SWI.
STAND_IN = 2
#: Entities by which a map says which of several scans it was made from.
SCAN = ('acquisition', 'reconstruction', 'run')


@dataclass(frozen=True)
class Candidate:
    """A file that could be an input of a unit, and what became of it.

    Attributes
    ----------
    name
        Which input: a name of :data:`deepmir_bids.INPUTS`, or ``brain_mask``.
    path
        The file.
    left_out
        Why it is not taken; empty for the one that is.

    """

    name: str
    path: Path
    left_out: str = ''

    def for_sidecar(self) -> dict[str, str]:
        """Say it as a sidecar does."""
        verdict = f'left out: {self.left_out}' if self.left_out else 'taken'
        return {'Input': self.name, 'File': self.path.name, 'Verdict': verdict}

    def __str__(self) -> str:
        return f'{self.path.name}: ' + (
            f'left out, {self.left_out}' if self.left_out else f'taken as {self.name}'
        )


def objection(name: str, entities: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    """Say what a file's name has against it as an input; empty if nothing.

    Parameters
    ----------
    name
        Which input.
    entities
        What pybids reads from the file's name.
    query
        By which it was found: what that asks for by name is taken, save a phase image.

    Examples
    --------
    >>> objection('swi', {'suffix': 'swi', 'acquisition': 'SWIpha'}, {})
    'acq-SWIpha says that it is a phase image'
    >>> objection('qsm', {'suffix': 'Chimap', 'desc': 'total'}, {})
    ''

    """

    def asked(entity: str) -> bool:
        return str(entities[entity]) in map(str, listed(query.get(entity)))

    for entity in FREE if name == 'swi' else ():
        said = str(entities.get(entity, ''))
        short = f'{entity[:3]}-{said}'
        if is_phase(said):
            return f'{short} says that it is a phase image'
        if is_minip(said) and not asked(entity):
            return f'{short} says that it is a minimum intensity projection'
    desc = entities.get('desc')
    if desc and not asked('desc') and (name, desc) != ('qsm', WHOLE):
        return (
            f'desc-{desc} says that it was derived: to take it nevertheless, ask for '
            f'{{"{name}": {{"desc": "{desc}"}}}} with --bids-filter-file'
        )
    return ''


def rank(name: str, entities: Mapping[str, Any]) -> int:
    """How well a file's name suits an input: files of a higher number are stand-ins."""
    if name == 'swi':
        return rank_swi(entities)
    if name == 'brain_mask':
        return rank_mask(entities)
    misspelt = entities.get('suffix') != SUFFIXES[name]
    return 2 * misspelt + (entities.get('desc') == WHOLE)


def rank_swi(entities: Mapping[str, Any]) -> int:
    """How well a file serves as the SWI: 0 it is one, 1 it says so, `STAND_IN` it can stand in."""
    if str(entities.get('suffix', '')).lower() == 'swi':
        return 0
    said = ' '.join(str(entities.get(entity, '')) for entity in FREE)
    return 1 if 'swi' in said.lower() else STAND_IN


def other_scan(entities: Mapping[str, Any], swi: Mapping[str, Any]) -> int:
    """In how many entities a map differs from the SWI that should be of the same scan.

    Examples
    --------
    >>> other_scan({'run': 2}, {'run': 1}), other_scan({'run': 2}, {'run': 2})
    (1, 0)

    """
    return sum(str(entities.get(name)) != str(swi.get(name)) for name in SCAN)


def is_minip(label: str) -> bool:
    """Whether a label says that a file is a minimum intensity projection.

    Examples
    --------
    >>> is_minip('minIP'), is_minip('semiparallel')
    (True, False)

    """
    return bool(MINIP.search(label))
