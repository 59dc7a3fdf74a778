"""Units of work: one subject, or one session of one subject, and the images it brings."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from deepmir_bids import INPUTS
from deepmir_bids.bids.input_candidates import STAND_IN, Candidate, rank_swi
from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.errors import UsageError, printable

#: What BIDS allows in a label: letters, digits and, since 1.10, a plus sign.
LEGAL = re.compile(r'[0-9A-Za-z+]+')
#: R2* takes a curve through so many echoes.
LEAST_ECHOES_R2STAR = 3


@dataclass(frozen=True)
class Unit:
    """One subject, or one session of it, with the files to be used.

    ``unreadable`` says what of its folder could not be looked through, if that could matter.
    ``made`` names the images that deepmir makes itself, from ``echoes``: each of these stands for
    the first file of them then, which has its grid.
    """

    subject: str
    session: str | None = None
    swi: Path | None = None
    qsm: Path | None = None
    t2w: Path | None = None
    brain_mask: Path | None = None
    notes: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    unreadable: str = ''
    echoes: RawEchoes | None = None
    made: tuple[str, ...] = ()

    @classmethod
    def of(cls, label: str) -> Unit:
        """Make a unit, without its files, from its label, ``sub-01`` or ``sub-01_ses-02``."""
        subject, _, session = label.partition('_ses-')
        return cls(subject.removeprefix('sub-'), session or None)

    @property
    def label(self) -> str:
        """The unit as BIDS writes it, ``sub-01`` or ``sub-01_ses-02``."""
        return f'sub-{self.subject}' + (f'_ses-{self.session}' if self.session else '')

    @property
    def workflow_name(self) -> str:
        """The label as a Nipype name, which allows letters, digits and underscores."""
        return re.sub(r'\W', '_', self.label) + '_wf'

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the images that are there, in the order of the network's channels."""
        return tuple(name for name in INPUTS if getattr(self, name) is not None)

    @property
    def owed(self) -> tuple[str, ...]:
        """What its results depend on: its inputs, and what is made of its echoes."""
        made = tuple(f'made {name}' for name in self.made if getattr(self, name) is not None)
        many = self.echoes is not None and len(self.echoes.echo_times_s) >= LEAST_ECHOES_R2STAR
        return (*self.inputs, *made, *(('r2star',) if 'made swi' in made and many else ()))

    def sources(self, name: str) -> list[Path]:
        """Files that an input is, or is made from."""
        if name in self.made and self.echoes is not None:
            return self.echoes.paths
        return [getattr(self, name)]

    @property
    def swi_stands_in(self) -> bool:
        """Whether the SWI is, by its name, another magnitude that stands in for one."""
        from bids.layout import parse_file_entities

        if self.swi is None or 'swi' in self.made:
            return False
        return rank_swi(parse_file_entities(self.swi.name)) == STAND_IN

    @property
    def skipped(self) -> str | None:
        """Why the unit cannot run, or None."""
        for entity, label in (('sub', self.subject), ('ses', self.session)):
            if label and not LEGAL.fullmatch(label):
                spelt = re.sub(r'[^0-9A-Za-z+]', '', label)
                return (
                    f'{entity}-{label} is no label that BIDS allows (letters and digits alone): '
                    f'rename its folder and files to {entity}-{spelt or "…"}'
                )
        if self.swi:
            return None
        return self.unreadable or 'no SWI found, and nothing that could stand in for one'


def unit_folder(root: Path, label: str) -> Path:
    """Folder of a unit in a dataset, by its label: ``<root>/sub-01[/ses-02]``."""
    subject, *session = label.split('_ses-')
    return root.joinpath(subject, *(f'ses-{name}' for name in session))


def find_subjects(bids_dir: Path, wanted: tuple[str, ...]) -> list[str]:
    """Labels of the participants, without the ``sub-``, by their folders.

    Raises
    ------
    UsageError
        A wanted participant is not there, or there is none at all.

    """
    present = _labels(bids_dir, 'sub-')
    if not present:
        raise UsageError(f'{bids_dir} has no participant (no sub-* folder).')
    if not wanted:
        return present
    missing = [label for label in wanted if label not in present]
    if missing:
        raise UsageError(
            f'{bids_dir} has no participant {", ".join(missing)}: '
            f'it has {", ".join(present[:10])}{" …" if len(present) > 10 else ""}.'
        )
    return sorted(set(wanted), key=natural_order)


def find_units(
    bids_dir: Path, participants: tuple[str, ...], sessions: tuple[str, ...]
) -> list[tuple[str, str | None]]:
    """List participant and session of every unit, by the folders; the session may be None.

    Raises
    ------
    UsageError
        A participant is unknown, or none has a session that is asked for.

    """
    units = [
        (subject, session)
        for subject in find_subjects(bids_dir, participants)
        for session in _sessions(bids_dir / f'sub-{subject}', sessions)
    ]
    if not units:
        raise UsageError(
            f'{bids_dir} has no session {", ".join(sessions)} for these participants.'
        )
    return units


def _sessions(folder: Path, wanted: tuple[str, ...]) -> list[str | None]:
    present = _labels(folder, 'ses-')
    if wanted:
        return [label for label in present if label in wanted]
    return [None, *present] if os.path.isdir(folder / 'anat') or not present else [*present]


def _labels(parent: Path, prefix: str) -> list[str]:
    """Labels of the folders of a kind, and of links to nowhere that were meant as one."""
    labels = {
        printable(path.name.removeprefix(prefix))
        for path in parent.glob(f'{prefix}*')
        if os.path.isdir(path) or _was_folder(path, prefix)
    }
    return sorted(labels, key=natural_order)


def _was_folder(path: Path, prefix: str) -> bool:
    # A file of git-annex is a link, too, but has an extension.
    named = LEGAL.fullmatch(path.name.removeprefix(prefix))
    return bool(named) and path.is_symlink() and not os.path.exists(path)


def natural_order(label: str) -> list[tuple[int, int | str]]:
    """Sort key in which numbers count as such.

    Examples
    --------
    >>> sorted(['10', '2', '1b', '1a'], key=natural_order)
    ['1a', '1b', '2', '10']

    """
    parts = re.split(r'(\d+)', label)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
