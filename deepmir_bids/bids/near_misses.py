"""Files that were meant as an input: with a suffix that nobody looks for, or out of reach."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

from deepmir_bids.bids.dataset_index import may_enter
from deepmir_bids.bids.unit_of_work import Unit, unit_folder
from deepmir_bids.errors import printable

#: Suffixes that people give these images, besides those that differ by a letter or a case.
MEANT = {'swi': ('swi', 'T2starw', 'T2star'), 'qsm': ('Chimap', 'QSM'), 't2w': ('T2w',)}
#: Suffixes of BIDS that look much like one of those, and mean another image.
OTHERS = {'T1w', 'PDw', 'T2map', 'T1map', 'R2map', 'T2starmap', 'R2starmap', 'T1rho', 'inplaneT2'}
#: How much of two suffixes has to be equal.
LIKENESS = 0.75


def name_near_misses(
    name: str, roots: Iterable[Path], subject: str, session: str | None
) -> list[str]:
    """Say which files of a unit seem to be an input that was not found.

    Parameters
    ----------
    name
        The input that is missing.
    roots
        Datasets that were looked through.
    subject, session
        Labels of the unit.

    """
    notes = []
    for root in roots:
        folder = unit_folder(root, Unit(subject, session).label)
        for path in sorted(_images_in(folder)):
            suffix = path.name.split('.')[0].rpartition('_')[2]
            if is_near(suffix, name):
                notes.append(
                    f'{path.name} is not taken as {name}: its suffix is {suffix}, and not '
                    f'{MEANT[name][0]}; rename it, or ask for the suffix with --bids-filter-file.'
                )
    return notes


def is_near(suffix: str, name: str) -> bool:
    """Whether a suffix is nearly that of an input, and no other that BIDS knows.

    Examples
    --------
    >>> is_near('T2W', 't2w'), is_near('Chimaps', 'qsm'), is_near('T1w', 't2w')
    (True, True, False)

    """
    return suffix not in OTHERS and any(
        suffix != meant
        and SequenceMatcher(None, suffix.lower(), meant.lower()).ratio() >= LIKENESS
        for meant in MEANT[name]
    )


def _images_in(folder: Path) -> list[Path]:
    """Images one folder below a unit's own, sessions aside."""
    return [
        path
        for below in _listed(folder)
        if not below.name.startswith('ses-')
        for path in _listed(below)
        if path.name.endswith(('.nii', '.nii.gz')) and path.name.isprintable()
    ]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def unreadable_part(folder: Path) -> str:
    """Say what of a unit's folder nobody can look into, or name; empty if there is nothing.

    Parameters
    ----------
    folder
        The unit's own, in a dataset.

    """
    below = [folder, *(path for path in _listed(folder) if not path.name.startswith('ses-'))]
    for path in below:
        name = printable(str(path))
        if path.is_symlink() and not os.path.exists(path):
            return f'{name} is a link that leads nowhere: restore what it points to'
        if os.path.isdir(path) and not may_enter(path):
            return f'{name} cannot be looked into: see to its permissions'
    for path in (path for part in below for path in _listed(part)):
        if not path.name.isprintable():
            return f'{printable(str(path))} has a name that is no text: rename it'
    return ''
