"""Which units an output folder knows of, and which of them are finished."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepmir_bids.bids.cluster_job import why_it_ended
from deepmir_bids.bids.finished_results import files_in, run_of_results
from deepmir_bids.bids.output_names import missing_results
from deepmir_bids.bids.publishing import unfinished_units
from deepmir_bids.bids.run_records import Record, read_records
from deepmir_bids.bids.unit_of_work import natural_order

#: Why a unit does not count of which some files may be of one run and some of another.
UNFINISHED = 'a run is writing its results, or was killed as it did: run deepmir on it again'


@dataclass(frozen=True)
class UnitTraces:
    """What an output folder has of a unit, before anybody looks at its files."""

    label: str
    folder: Path | None
    records: list[Record]
    unfinished: bool


@dataclass(frozen=True)
class KnownUnit:
    """A unit with the last word on it; ``files`` are there if it is done.

    They have their names in the table of results (:mod:`deepmir_bids.bids.output_files`).
    """

    record: Record
    files: dict[str, Path]


def known_units(out_dir: Path) -> list[KnownUnit]:
    """List every unit that was run or has results, by participant and session.

    A unit whose run was killed counts as done if its results are complete (results appear whole
    or not at all), else as failed; so does one whose results somebody took away.
    """
    known = (known_unit(out_dir, traces) for traces in unit_traces(out_dir))
    return [unit for unit in known if unit]


def unit_traces(out_dir: Path) -> list[UnitTraces]:
    """List the traces of every unit, by participant and session; its files are not read."""
    records = read_records(out_dir)
    folders = dict(_unit_folders(out_dir))
    unfinished = unfinished_units(out_dir)
    return [
        UnitTraces(label, folders.get(label), records.get(label, []), label in unfinished)
        for label in sorted({*records, *folders}, key=_by_participant_and_session)
    ]


def known_unit(out_dir: Path, traces: UnitTraces) -> KnownUnit | None:
    """The last word on a unit; None where its folder is there, but no run and no result."""
    if traces.unfinished:
        return KnownUnit(Record.of(traces.label, 'failed', UNFINISHED), {})
    files = _results(traces.folder, traces.label) if traces.folder else None
    if not traces.records and not files:
        return None
    return KnownUnit(
        _last_word(traces.records, out_dir, traces.label, files is not None), files or {}
    )


def _by_participant_and_session(label: str) -> list:
    return [natural_order(part) for part in label.split('_')]


def _last_word(records: list[Record], out_dir: Path, label: str, complete: bool) -> Record:
    """What holds of a unit: its results, unless a run that knew them failed.

    Clocks of two machines differ, so the names of the logs do not tell which run was the last.
    """
    failures = [record for record in records if record.status in ('failed', 'skipped')]
    if complete and failures:
        run = run_of_results(out_dir, label)
        if run is not None:
            failures = [record for record in failures if record.results == run]
        elif records[-1] not in failures:
            failures = []
    elif not complete and records and records[-1] not in failures:
        failures = []
    if failures:
        return failures[-1]
    if complete:
        return Record.of(label, 'done')
    last = records[-1]
    if last.status == 'started' and (why := why_it_ended(out_dir, last.job)):
        return Record.of(label, 'failed', why)
    reasons = {'started': 'was not finished', 'done': 'its results are not there any more'}
    reason = f'{reasons.get(last.status, "has no results")}: run deepmir on it again'
    return Record.of(label, 'failed', reason)


def _unit_folders(out_dir: Path) -> Iterator[tuple[str, Path]]:
    """Label and ``anat`` folder of each participant and session, in one walk."""
    for subject in _folders(out_dir, 'sub-'):
        for folder in _folders(subject, ''):
            if folder.name == 'anat':
                yield subject.name, folder
            elif folder.name.startswith('ses-') and os.path.isdir(folder / 'anat'):
                yield f'{subject.name}_{folder.name}', folder / 'anat'


def _folders(parent: Path, prefix: str) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            paths = [e.path for e in entries if e.name.startswith(prefix) and e.name.isprintable()]
    except OSError:  # one folder without permission is not the cohort
        return []
    return [Path(path) for path in paths if os.path.isdir(path)]


def _results(folder: Path, label: str) -> dict[str, Path] | None:
    """Results of a unit, or None if they are not complete, or cannot be looked at."""
    try:
        files = files_in(folder, label)
    except OSError:
        return None
    return None if missing_results(files) else files
