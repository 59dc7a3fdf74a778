"""What would become of each image of a unit in a run, found out by reading it as a run does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepmir_bids.bids.input_candidates import Candidate
from deepmir_bids.bids.input_files import Place, Search
from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import AbsentError, InputError
from deepmir_bids.imaging.image_summary import ImageSummary, summarise_image
from deepmir_bids.imaging.load_input import DISPENSABLE, ROLES, load_input
from deepmir_bids.imaging.nifti_file import read_image
from deepmir_bids.running.units_to_run import unsuited
from deepmir_bids.settings import Settings
from deepmir_bids.threads import side_by_side

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class FileAudit:
    """A file that could be an input, and what a run would make of it.

    Attributes
    ----------
    candidate
        The file, and whether it is taken.
    summary
        Its grid and values, if it can be read.
    notes
        What would be mended, in a sentence each.
    fault
        Why it cannot be used; empty if it can.
    fatal
        Whether that costs the unit.
    fetched
        Whether its content is on this disk.

    """

    candidate: Candidate
    summary: ImageSummary | None = None
    notes: tuple[str, ...] = ()
    fault: str = ''
    fatal: bool = False
    fetched: bool = True

    @property
    def expected(self) -> str:
        """What would become of it, in words."""
        if self.candidate.left_out:
            return f'not used, and cannot be read: {self.fault}' if self.fault else 'not used'
        if not self.fault:
            return 'ok'
        return f'would {"fail" if self.fatal else "be left out"}: {self.fault}'


@dataclass(frozen=True)
class UnitAudit:
    """A unit, its files, and why it would be skipped or fail; both are empty if it is ready."""

    unit: Unit
    files: tuple[FileAudit, ...]
    skipped: str = ''
    failing: str = ''

    @property
    def notes(self) -> list[str]:
        """What a reader should know of it, whether it is ready or not."""
        mended = [note for file in self.files for note in file.notes]
        faults = [
            file.expected
            for file in self.files
            if file.fault and not file.fatal and not file.candidate.left_out
        ]
        return [*self.unit.notes, *mended, *faults]

    @property
    def expected(self) -> str:
        """What would become of it, in words."""
        if self.skipped:
            return f'skipped: {self.skipped}'
        return f'would fail: {self.failing}' if self.failing else 'ready'


def audit_units(settings: Settings, search: Search) -> Iterator[UnitAudit]:
    """Audit every unit, as many at once as a run has processes, and give them in order."""

    def audit(place: Place) -> UnitAudit:
        return audit_unit(settings, search.unit(place))

    return side_by_side(audit, search.places, settings.nprocs)


def audit_unit(settings: Settings, unit: Unit) -> UnitAudit:
    """Read all files of a unit, and say what a run would do with them and with it."""
    seen, unusable = _try_echoes(unit.echoes) if unit.echoes else ({}, '')
    files = tuple(audit_file(one, seen.get(one.path)) for one in unit.candidates)
    if skipped := unit.skipped or unsuited(settings, [unit]).get(unit.label):
        return UnitAudit(unit, files, skipped=skipped)
    faults = [file for file in files if file.fault and not file.candidate.left_out]
    failing = [file.fault for file in faults if file.fatal]
    if unusable and 'swi' in unit.made:
        failing.append(unusable)
    elif unusable:
        unit = replace(unit, notes=(*unit.notes, f'No QSM would be made: {unusable}'))
    if faults and not failing:
        lost = {file.candidate.name for file in faults}
        usable = replace(
            unit,
            qsm=None if 'qsm' in lost else unit.qsm,
            t2w=None if 't2w' in lost else unit.t2w,
        )
        failing = list(unsuited(settings, [usable]).values())
    return UnitAudit(unit, files, failing=' '.join(failing))


def _try_echoes(echoes: RawEchoes) -> tuple[dict[Path, ImageSummary], str]:
    """Summaries of the files that were read, and why nothing can be made of them, if so."""
    from deepmir_bids.reconstruction.read_echoes import read_echoes

    seen = {}

    def read(path: Path) -> tuple[Any, np.ndarray]:
        image, values = read_image(path)
        seen[path] = summarise_image(image, values)
        return image, values

    try:
        read_echoes(echoes, read)
    except InputError as error:
        return seen, str(error)
    return seen, ''


def audit_file(candidate: Candidate, seen: ImageSummary | None = None) -> FileAudit:
    """Read a file and, if it is taken, check it as a run does; whatever it raises is its fault.

    An echo was ``seen`` already, and is judged with the others, for their unit.
    """
    role, summary = ROLES.get(candidate.name, ''), seen
    alone = role and not candidate.left_out
    notes: list[str] = []
    try:
        if alone or not seen:
            read = read_image(candidate.path)
            summary = summarise_image(*read)
            notes = load_input(role, candidate.path, read)[1] if alone else []
    except InputError as error:
        return FileAudit(
            candidate,
            summary,
            fault=str(error),
            fatal=role in ROLES.values() and role not in DISPENSABLE,
            fetched=not isinstance(error, AbsentError),
        )
    except Exception as error:  # a run does not foresee it either: the step crashes
        fault = f'{candidate.path}: {type(error).__name__}: {error}'
        return FileAudit(candidate, summary, fault=fault, fatal=True)
    return FileAudit(candidate, summary, tuple(notes))
