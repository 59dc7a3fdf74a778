"""The table of an audit (--report): a row for each file that could be an input."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from deepmir_bids.bids.sidecars import bids_uri, read_columns
from deepmir_bids.bids.tsv import rows_as_tsv
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.running.input_audit import FileAudit, UnitAudit

#: What describes the columns, in their order.
COLUMNS = 'audit_columns.json'


def write_audit(audits: Iterable[UnitAudit], roots: Mapping[str, Path], path: Path) -> None:
    """Write the table; a unit without any file has a row of its own.

    Parameters
    ----------
    audits
        In the order of the rows.
    roots
        Name and root of every dataset.
    path
        Where to.

    """
    rows = [row for audit in audits for row in _rows(audit, roots)]
    write_whole(path, rows_as_tsv(rows, list(read_columns(COLUMNS))))


def _rows(audit: UnitAudit, roots: Mapping[str, Path]) -> list[dict[str, str]]:
    unit = audit.unit
    of_unit = {
        'participant_id': f'sub-{unit.subject}',
        'session_id': f'ses-{unit.session}' if unit.session else '',
        'unit': audit.expected,
    }
    return [of_unit | _of_file(file, roots) for file in audit.files] or [of_unit]


def _of_file(file: FileAudit, roots: Mapping[str, Path]) -> dict[str, str]:
    candidate = file.candidate
    return {
        'input': candidate.name,
        **_place(candidate.path, roots),
        'verdict': 'left out' if candidate.left_out else 'taken',
        'reason': candidate.left_out,
        'expected': file.expected,
        'notes': ' '.join(file.notes),
        'fetched': 'yes' if file.fetched else 'no',
        'bytes': _size(candidate.path),
        **_content(file),
    }


def _place(path: Path, roots: Mapping[str, Path]) -> dict[str, str]:
    if not any(path.is_relative_to(root) for root in roots.values()):
        return {'file': str(path)}
    _, dataset, file = bids_uri(path, roots).split(':', maxsplit=2)
    return {'dataset': dataset, 'file': file}


def _size(path: Path) -> str:
    try:
        return str(path.stat().st_size)
    except OSError:
        return ''


def _content(file: FileAudit) -> dict[str, str]:
    if file.summary is None:
        return {}
    summary = file.summary
    return {
        'orientation': summary.orientation,
        'shape': by(summary.shape),
        'voxel_size': by(summary.voxel_size),
        'field_of_view': by(summary.field_of_view),
        'min': _number(summary.lowest),
        'max': _number(summary.highest),
        'zeros': f'{summary.zeros:.4f}',
        'nans': f'{summary.nans:.4f}',
    }


def by(sides: Iterable[float]) -> str:
    """Write sizes along several axes.

    Examples
    --------
    >>> by((0.8, 0.8, 2))
    '0.8x0.8x2'

    """
    return 'x'.join(f'{side:.6g}' for side in sides)


def _number(value: float) -> str:
    return '' if math.isnan(value) else f'{value:.6g}'
