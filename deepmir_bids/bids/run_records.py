"""Which units a run took on and what became of them: a record beside its log.

A cohort is run by hundreds of tasks at once, so no two of them write the same file. The group
level puts the records together; it never needs the raw dataset.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from deepmir_bids.bids.text_files import read_json, read_text
from deepmir_bids.bids.tsv import MISSING, read_rows, rows_as_tsv
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.errors import InputError

COLUMNS = ('participant_id', 'session_id', 'status', 'reason', 'results', 'job')
#: A unit's label becomes part of a path: whatever it is, it leads to no other folder.
_HARMLESS = re.compile(r'sub-[^/\x00-\x1f]+')


@dataclass(frozen=True)
class Record:
    """What a run did with a unit; ``status`` is started, done, failed or skipped.

    ``results`` names the run whose results the unit had when this one began, or this run itself
    if it is done. It tells which of two records is the later one, which clocks may not. ``job``
    is the task of a SLURM array that the run is of, if it is of one.
    """

    participant_id: str
    session_id: str | None
    status: str
    reason: str | None = None
    results: str | None = None
    job: str | None = None

    @classmethod
    def of(
        cls,
        label: str,
        status: str,
        reason: str | None = None,
        results: str | None = None,
        job: str | None = None,
    ) -> Record:
        """Make the record of a unit by its label, ``sub-01`` or ``sub-01_ses-02``."""
        participant_id, _, session = label.partition('_ses-')
        session_id = f'ses-{session}' if session else None
        return cls(participant_id, session_id, status, reason, results, job)

    @property
    def label(self) -> str:
        """The unit as BIDS writes it."""
        return self.participant_id + (f'_{self.session_id}' if self.session_id else '')


@dataclass(frozen=True)
class RawParticipants:
    """What the raw ``participants.tsv`` says of those that were run, as text.

    ``rows`` by participant_id; ``columns`` without it; ``descriptions`` as in its JSON.
    """

    columns: list[str]
    rows: dict[str, dict[str, str]]
    descriptions: dict[str, Any]


def make_run_folder(parent: Path) -> Path:
    """Make a folder that no other task has, named so that names sort by time.

    Host and process tell tasks apart, save in containers, which may all be process 1 of one name.
    """
    host = re.sub(r'[^A-Za-z0-9]', '', socket.gethostname().split('.')[0])
    name = f'{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{host or "host"}-{os.getpid()}'
    folder, again = parent / name, 1
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            again += 1
            folder = parent / f'{name}-{again}'


def write_records(log_dir: Path, records: Iterable[Record]) -> None:
    """Write ``units.tsv``, whole, of a run."""
    write_whole(log_dir / 'units.tsv', rows_as_tsv(map(vars, records), COLUMNS))


def keep_participants(log_dir: Path, bids_dir: Path, labels: Iterable[str]) -> None:
    """Keep what the raw dataset says of a run's participants, if it says anything.

    Parameters
    ----------
    log_dir
        Where ``participants.tsv`` and ``.json`` go.
    bids_dir
        Root of the raw dataset.
    labels
        Of the participants, without the ``sub-``.

    """
    raw = bids_dir / 'participants.tsv'
    rows = _rows(raw) if raw.is_file() else []
    wanted = {f'sub-{label}' for label in labels}
    rows = [row | {'participant_id': _with_prefix(row.get('participant_id', ''))} for row in rows]
    rows = [row for row in rows if row['participant_id'] in wanted]
    if rows:
        write_whole(log_dir / 'participants.tsv', rows_as_tsv(rows, list(rows[0])))
    if rows and (described := raw.with_suffix('.json')).is_file():
        with contextlib.suppress(InputError):
            text = read_text(described, 'mend it', errors='replace')
            write_whole(log_dir / 'participants.json', text)


def read_records(out_dir: Path) -> dict[str, list[Record]]:
    """Read all records of each unit, by its label, in the order of the names of the logs."""
    records: dict[str, list[Record]] = {}
    for log_dir in _log_dirs(out_dir, 'units.tsv'):
        for row in _rows(log_dir / 'units.tsv', (COLUMNS[0], COLUMNS[2])):
            cells = [None if row.get(name, MISSING) == MISSING else row[name] for name in COLUMNS]
            record = Record(cells[0] or '', cells[1], cells[2] or '', *cells[3:])
            if _HARMLESS.fullmatch(record.label):
                records.setdefault(record.label, []).append(record)
    return records


def read_participants(out_dir: Path) -> RawParticipants:
    """Put together what the runs kept of the raw dataset; later runs know better."""
    columns: dict[str, None] = {}
    rows: dict[str, dict[str, str]] = {}
    descriptions: dict[str, Any] = {}
    for log_dir in _log_dirs(out_dir, 'participants.tsv'):
        for row in _rows(log_dir / 'participants.tsv', COLUMNS[:1]):
            columns |= dict.fromkeys(row)
            rows[row['participant_id']] = row
        descriptions |= _read_descriptions(log_dir / 'participants.json')
    columns.pop('participant_id', None)
    return RawParticipants(list(columns), rows, descriptions)


def _log_dirs(out_dir: Path, holding: str) -> Iterator[Path]:
    """Folders of the runs that left a file, the earliest first."""
    logs = out_dir / 'logs'
    names = sorted(os.listdir(logs)) if logs.is_dir() else []
    return (logs / name for name in names if (logs / name / holding).is_file())


def _rows(path: Path, needed: Iterable[str] = ()) -> list[dict[str, str]]:
    # One damaged table must not cost the run its start, or the cohort its group level.
    try:
        return read_rows(path, needed)
    except InputError:
        return []


def _read_descriptions(path: Path) -> dict[str, Any]:
    # It is the raw dataset's file, and likewise.
    try:
        return read_json(path, 'mend it')
    except InputError:
        return {}


def _with_prefix(participant_id: str) -> str:
    return f'sub-{participant_id.strip().removeprefix("sub-")}'
