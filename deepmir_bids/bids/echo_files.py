"""Which files are the magnitude and the phase of one gradient echo, by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmir_bids.bids.found_files import FoundFile
from deepmir_bids.bids.part_words import part_of

#: What makes a complex image together, as ``part-`` has it, the more usual first.
POLAR, CARTESIAN = ('mag', 'phase'), ('real', 'imag')
UNNAMED = 'unnamed'
#: Where they may be; whether one is taken is decided by its partner.
ECHO_QUERY = {
    'suffix': ['MEGRE', 'T2starw', 'GRE', 'swi', 'SWI'],
    'space': None,
    'extension': ['.nii.gz', '.nii'],
}
#: Entities in which the files of one scan differ.
WITHIN_SCAN = ('part', 'echo', 'extension')
WORDS = {'mag': 'magnitude', 'phase': 'phase', 'real': 'real part', 'imag': 'imaginary part'}


@dataclass(frozen=True)
class EchoFiles:
    """Files of one scan by their names, and what is wrong with them.

    Attributes
    ----------
    files
        For each echo, in their order, magnitude and phase, real and imaginary part, or the one
        complex image.
    parts
        Which of these: `POLAR`, `CARTESIAN` or ``()``.
    fault
        Why they cannot be used; empty if they can, as far as names tell.
    note
        What a reader should know of them.

    """

    files: tuple[tuple[Path, ...], ...]
    parts: tuple[str, ...] = POLAR
    fault: str = ''
    note: str = ''

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [path for echo in self.files for path in echo]


def scans_of(found: Sequence[FoundFile]) -> list[EchoFiles]:
    """Sort files into scans, in the order of their names.

    A scan that has nothing but a magnitude is none of these: it may be complex
    (`lone_images`), or it is an image like any other.

    Parameters
    ----------
    found
        Images of one unit that may be of a gradient echo.

    """
    scans: dict[tuple, dict[str, dict[int | None, Path]]] = {}
    for file in found:
        part, entities = part_of(file.entities)
        parts = scans.setdefault(_scan(entities), defaultdict(dict))
        echo = entities.get('echo')
        parts[part or UNNAMED][None if echo is None else int(echo)] = file.path
    for parts in scans.values():
        # A magnitude need not say so.
        parts.setdefault('mag', parts.get(UNNAMED, {}))
    pairs = (
        _paired(parts, names)
        for parts in scans.values()
        for names in (POLAR, CARTESIAN)
        if parts.get(names[1]) or (names is CARTESIAN and parts.get(names[0]))
    )
    return list(pairs)


def lone_images(found: Sequence[FoundFile]) -> list[EchoFiles]:
    """Scans whose files name no part: each may hold complex numbers."""
    scans: dict[tuple, list[FoundFile]] = defaultdict(list)
    for file in found:
        scans[_scan(file.entities)].append(file)
    return [
        EchoFiles(tuple((file.path,) for file in sorted(files, key=_echo)), ())
        for files in scans.values()
        if all(file.entities.get('part') is None for file in files)
    ]


def _scan(entities: Mapping[str, Any]) -> tuple:
    return tuple((key, str(entities[key])) for key in sorted(entities) if key not in WITHIN_SCAN)


def _echo(file: FoundFile) -> int:
    return int(file.entities.get('echo') or 0)


def _paired(parts: dict[str, dict[int | None, Path]], names: tuple[str, str]) -> EchoFiles:
    """Pair two parts of a scan, echo by echo."""
    one, other = (parts[name] for name in names)
    echoes = sorted({*one, *other}, key=lambda echo: echo or 0)
    files = tuple(tuple(part[echo] for part in (one, other) if echo in part) for echo in echoes)
    fault = _why_no_pairs(one, other, names)
    absent = [n for n in range(1, max(echo or 0 for echo in echoes)) if n not in echoes]
    note = ''
    if absent and not fault:
        first = files[0][0].name
        note = f'{first} is echo {echoes[0]}; there is no echo {_listing(absent)}.'
    return EchoFiles(files, names, fault, note)


def _why_no_pairs(
    one: dict[int | None, Path], other: dict[int | None, Path], names: tuple[str, str]
) -> str:
    first, second = (WORDS[name] for name in names)
    for have, lack, word in ((one, other, second), (other, one, first)):
        path = next(iter(have.values()), None)
        if path is None:
            continue
        if not lack:
            return f'{path.name} has no {word} with the same run and acquisition in its name'
        if (None in have) != (None in lack):
            return (
                f'{path.name} and {next(iter(lack.values())).name} cannot be paired: only one '
                'of them has an echo- in its name'
            )
        if alone := sorted(echo for echo in have if echo not in lack if echo is not None):
            return f'{have[alone[0]].name} has no {word}: give that of echo {_listing(alone)}'
    return ''


def _listing(numbers: Sequence[int]) -> str:
    return ', '.join(map(str, numbers))
