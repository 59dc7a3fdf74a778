"""Which units an output folder knows of, and which of them are finished."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepmir_bids.bids.publishing import REVIEW
from deepmir_bids.bids.read_results import ENDINGS, OPTIONAL
from deepmir_bids.bids.run_records import Record, read_records

#: How the files end that the group level reads of a unit, beside the tables of :data:`ENDINGS`.
READ = {
    'table': ENDINGS['table'],
    'candidates_table': ENDINGS['candidates_table'],
    'found': ENDINGS['lesions'].replace('.nii.gz', '.json'),
    'anatomy': ENDINGS['brain_mask'].replace('.nii.gz', '.json'),
    'review': REVIEW,
}


@dataclass(frozen=True)
class KnownUnit:
    """A unit with the last word on it; ``files`` are there if it is done, by :data:`READ`."""

    record: Record
    files: dict[str, Path]


def known_units(out_dir: Path) -> list[KnownUnit]:
    """
    List every unit that was run or has results, by participant and session.

    A unit whose run was killed counts as done if its results are complete (results appear whole
    or not at all), else as failed; so does one whose results somebody took away.
    """
    records = read_records(out_dir)
    folders = dict(_unit_folders(out_dir))
    units = []
    for label in sorted({*records, *folders}, key=lambda label: label.split('_')):
        names = os.listdir(folders[label]) if label in folders else []
        files = _results(folders[label], label, names) if names else None
        if label in records or files:
            record = records.get(label, Record.of(label, 'done'))
            units.append(KnownUnit(_settle(record, files is not None), files or {}))
    return units


def _settle(record: Record, complete: bool) -> Record:
    if record.status in ('failed', 'skipped'):
        return record
    if complete:
        return Record.of(record.label, 'done')
    reasons = {'started': 'was not finished', 'done': 'its results are not there any more'}
    reason = f'{reasons.get(record.status, "has no results")}: run deepmir on it again'
    return Record.of(record.label, 'failed', reason)


def _unit_folders(out_dir: Path) -> Iterator[tuple[str, Path]]:
    """Label and ``anat`` folder of each participant and session, in one walk."""
    for subject in _folders(out_dir, 'sub-'):
        for folder in _folders(subject, ''):
            if folder.name == 'anat':
                yield subject.name, folder
            elif folder.name.startswith('ses-') and (folder / 'anat').is_dir():
                yield f'{subject.name}_{folder.name}', folder / 'anat'


def _folders(parent: Path, prefix: str) -> list[Path]:
    with os.scandir(parent) as entries:
        return [Path(e.path) for e in entries if e.name.startswith(prefix) and e.is_dir()]


def _results(folder: Path, label: str, names: list[str]) -> dict[str, Path] | None:
    """Files that are read of a unit, or None if its results are not complete."""
    own = [name for name in names if name.startswith(f'{label}_')]

    def find(ending: str) -> Path | None:
        return next((folder / name for name in own if name.endswith(ending)), None)

    if any(find(ending) is None for name, ending in ENDINGS.items() if name not in OPTIONAL):
        return None
    files = {name: path for name, ending in READ.items() if (path := find(ending))}
    for name in own:
        if name.endswith('_dseg.tsv') and '_space-SWI_seg-' in name and '_seg-deepmir' not in name:
            files['structures'] = folder / name
    return files
