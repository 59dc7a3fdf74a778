"""What the fields of a file may hold, said as plain Python, and what is wrong where they do not.

A kind is one of the `Kind` below; a list with one kind, for a list of such; or a dict: of names
with the kind of each, where ``'*'`` stands for every other name. A name that is not there is no
fault, nor is one that the dict does not know.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of value: what it is called, and whether a value is one."""

    name: str
    holds: Callable[[Any], bool]

    def or_nothing(self) -> Kind:
        """The same kind, or null."""
        return Kind(f'{self.name} or null', lambda value: value is None or self.holds(value))


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and not just true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def number(least: float = -math.inf, most: float = math.inf, *, whole: bool = False) -> Kind:
    """Kind of a number within bounds."""
    name = 'a whole number' if whole else 'a number'
    if least > -math.inf:
        name += f' from {least:g}' + (f' to {most:g}' if most < math.inf else '')
    types = int if whole else (int, float)
    return Kind(name, lambda v: is_number(v) and isinstance(v, types) and least <= v <= most)


TEXT = Kind('text', lambda value: isinstance(value, str))
NUMBER = number()
FLAG = Kind('true or false', lambda value: isinstance(value, bool))
OBJECT = Kind('names with values', lambda value: isinstance(value, dict))
#: What may be a part of a file's name.
LABEL = Kind(
    'letters and digits',
    lambda value: isinstance(value, str) and bool(re.fullmatch('[0-9A-Za-z+]{1,100}', value)),
)


def fault(value: Any, kind: Any, place: str = '') -> str:
    """Say what is wrong with a value; empty if it is of its kind.

    Examples
    --------
    >>> fault({'extent': 'x'}, {'extent': NUMBER})
    'extent is "x", where a number is needed'
    >>> fault({'a': [1, None]}, {'*': [NUMBER]})
    'a[1] is null, where a number is needed'

    """
    if isinstance(kind, Kind):
        return '' if kind.holds(value) else _mismatch(value, kind.name, place)
    if isinstance(kind, list):
        if not isinstance(value, list):
            return _mismatch(value, 'a list', place)
        found = (fault(one, kind[0], f'{place}[{i}]') for i, one in enumerate(value))
        return next(filter(None, found), '')
    if not isinstance(value, dict):
        return _mismatch(value, 'an object', place)
    found = (
        fault(one, kind.get(name, kind.get('*', _ANY)), f'{place}.{name}'.lstrip('.'))
        for name, one in value.items()
    )
    return next(filter(None, found), '')


_ANY = Kind('anything', lambda _: True)


def _mismatch(value: Any, wanted: str, place: str) -> str:
    said = json.dumps(value, default=str, ensure_ascii=True)
    said = said if len(said) <= 60 else f'{said[:60]}…'
    return f'{place or "it"} is {said}, where {wanted} is needed'
