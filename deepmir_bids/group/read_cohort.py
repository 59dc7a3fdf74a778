"""Read what each unit of a cohort left: a few small text files, and never an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA
from deepmir_bids.anatomy.structure_kinds import kind_of
from deepmir_bids.bids.finished_results import atlas_of, read_sidecar
from deepmir_bids.bids.output_files import REVIEW
from deepmir_bids.bids.run_records import RawParticipants, read_participants
from deepmir_bids.bids.tsv import MISSING, as_number, read_rows
from deepmir_bids.errors import InputError
from deepmir_bids.evaluation.judged_findings import ReviewedUnit
from deepmir_bids.group.finished_units import KnownUnit, UnitTraces, known_unit, unit_traces
from deepmir_bids.lesions.detection_criteria import outlines_in
from deepmir_bids.lesions.lesion_table import as_table
from deepmir_bids.lesions.reader_review import ReviewProgress, reviewed_rows
from deepmir_bids.processes import in_processes

#: What the group level adds to the columns of the lesion table.
ADDED = ('label', 'participant_id', 'session_id', 'template', 'model', 'version')
#: What is known of a unit, done or not.
UNIT = (
    'label', 'participant_id', 'session_id', 'status', 'reason', 'inputs_used', 'template',
    'template_note', 'atlas', 'model', 'model_sha256', 'version', 'operating_point',
    'threshold_cmb', 'threshold_iron', 'outline_cmb', 'outline_iron', 'min_volume_mm3', 'start',
    'registration_mi', 'alignment_mi', 'qsm_correlation', 'qsm_shift_mm', 'brain_volume_ml',
    'swi_noise', 'voxel_size_mm',
    *(f'chi_{name}_ppm' for name in BASAL_GANGLIA), 'n_notes', 'flags',
    'lesions_looked_at', 'lesions_found', 'review_status', 'review_problem',
)  # fmt: skip


@dataclass(frozen=True)
class Cohort:
    """All that is known of a cohort.

    ``units`` has a row a unit (:data:`UNIT`), by participant and session; ``lesions`` a row for
    each lesion of the finished ones, and for each candidate that a reader took for a lesion
    (``found_as``). ``class`` is as found, ``final_class`` as reviewed and missing for what a
    reader rejected. ``review_files`` are there of units whose review is incomplete, too.
    """

    units: pd.DataFrame
    lesions: pd.DataFrame
    raw: RawParticipants
    reviews: list[ReviewedUnit] = field(default_factory=list)
    review_files: list[Path] = field(default_factory=list)


class _ReadUnit(NamedTuple):
    """What one unit brings to a cohort: a row, lesions, and perhaps a review and its file."""

    row: dict[str, Any]
    lesions: list[dict[str, Any]]
    reviews: list[ReviewedUnit]
    review_file: Path | None


def read_cohort(out_dir: Path, nprocs: int = 1) -> Cohort:
    """Read the cohort of an output folder; a unit whose files are damaged counts as failed.

    Units are read in ``nprocs`` processes: most of the time goes into Python's own work.
    """
    read = in_processes(partial(_read, out_dir), unit_traces(out_dir), nprocs)
    units = [unit for unit in read if unit]
    return Cohort(
        pd.DataFrame([unit.row for unit in units], columns=list(UNIT)),
        as_table(chain.from_iterable(unit.lesions for unit in units), before=ADDED),
        read_participants(out_dir),
        [review for unit in units for review in unit.reviews],
        [unit.review_file for unit in units if unit.review_file],
    )


def _read(out_dir: Path, traces: UnitTraces) -> _ReadUnit | None:
    """Read a unit; None where there is none."""
    unit = known_unit(out_dir, traces)
    if unit is None:
        return None
    row = {
        'label': unit.record.label,
        'participant_id': unit.record.participant_id,
        'session_id': unit.record.session_id,
        'status': unit.record.status,
        'reason': unit.record.reason,
    }
    review_file = unit.files.get(REVIEW)
    if unit.record.status != 'done':
        return _ReadUnit(row, [], [], review_file)
    try:
        facts, own = _read_unit(unit)
    except InputError as error:
        # Whatever is wrong with its files, the cohort goes on without it, and says so.
        why = f'its results cannot be read: {str(error).rstrip(".")}'
        return _ReadUnit(row | {'status': 'failed', 'reason': why}, [], [], review_file)
    row |= facts
    marks = {name: row[name] for name in ADDED}
    # A candidate that no reader took for a lesion is nobody's lesion.
    lesions = [
        marks | lesion for lesion in own if lesion['found_as'] == 'lesion' or lesion['final_class']
    ]
    return _ReadUnit(row, lesions, _reviewed(row, own), review_file)


def _reviewed(unit: dict[str, Any], rows: list[dict[str, Any]]) -> list[ReviewedUnit]:
    """The review of a unit, in a list, if there is one and it is complete."""
    thresholds = {name: unit[f'threshold_{name.lower()}'] for name in CLASSES}
    judged = any(row['verdict'] for row in rows) and unit['review_status'] == 'complete'
    if not judged or not unit['inputs_used'] or None in thresholds.values():
        return []
    return [
        ReviewedUnit(
            unit['participant_id'],
            tuple(unit['inputs_used'].split('+')),
            thresholds,
            unit['model_sha256'] or '',
            rows,
        )
    ]


def _read_unit(unit: KnownUnit) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Facts, lesions and candidates of a finished unit."""
    detection = read_sidecar(unit.files['lesions'])
    anatomy = read_sidecar(unit.files['brain_mask'])
    rows, problem = _lesions(unit.files)
    counted = [row for row in rows if row['found_as'] == 'lesion']
    progress = ReviewProgress(sum(row['verdict'] is not None for row in counted), len(counted))
    facts = {
        **_detection(detection),
        **_quality(anatomy),
        'atlas': atlas_of(unit.files),
        **_susceptibility(unit.files['structure_table']),
        'n_notes': len(detection.get('Notes', [])),
        'lesions_looked_at': progress.looked_at,
        'lesions_found': progress.of,
        'review_status': 'unusable' if problem else progress.status,
        'review_problem': problem,
    }
    return facts, rows


def _lesions(files: dict[str, Path]) -> tuple[list[dict[str, Any]], str | None]:
    """Lesions and candidates as reviewed, or as found where the review cannot be used, and why."""
    try:
        return reviewed_rows(files), None
    except InputError as error:
        unreviewed = {name: path for name, path in files.items() if name != 'review'}
        return reviewed_rows(unreviewed), str(error)


def _detection(sidecar: dict[str, Any]) -> dict[str, Any]:
    thresholds = sidecar.get('Thresholds', {})
    outlines = outlines_in({'ExtentThreshold': None, **sidecar})
    return {
        'inputs_used': '+'.join(sidecar.get('InputsUsed', [])) or None,
        'model': sidecar.get('Model'),
        'model_sha256': sidecar.get('ModelSHA256'),
        'version': sidecar.get('Version'),
        'operating_point': sidecar.get('OperatingPoint'),
        **{f'threshold_{name.lower()}': thresholds.get(name) for name in CLASSES},
        **{f'outline_{name.lower()}': outlines.get(name) for name in CLASSES},
        'min_volume_mm3': sidecar.get('MinimumVolume'),
    }


def _quality(anatomy: dict[str, Any]) -> dict[str, Any]:
    registration, quality = anatomy.get('Registration', {}), anatomy.get('Quality', {})
    voxel = quality.get('VoxelSize')
    return {
        'template': anatomy.get('Template'),
        'template_note': anatomy.get('TemplateNote'),
        'start': registration.get('Start'),
        'registration_mi': registration.get('MutualInformation'),
        'alignment_mi': anatomy.get('AlignmentMutualInformation'),
        'qsm_correlation': quality.get('QSMCorrelation'),
        'qsm_shift_mm': quality.get('QSMShift'),
        'brain_volume_ml': quality.get('BrainVolume', registration.get('BrainVolume')),
        'swi_noise': quality.get('SWINoise'),
        'flags': ','.join(quality.get('Flags', [])) or None,
        'voxel_size_mm': ' x '.join(f'{size:.2f}' for size in voxel) if voxel else None,
    }


def _susceptibility(table: Path) -> dict[str, float | None]:
    """Mean of each of the basal ganglia over both sides and their parts, by volume."""
    parts: dict[str, list[tuple[float, float]]] = {kind: [] for kind in BASAL_GANGLIA}
    for row in read_rows(table, ('index', 'name')):
        # Tables of earlier versions do not name the kind.
        kind = row.get('kind') or kind_of(row['name'])
        measures = (row.get('volume_mm3', MISSING), row.get('chi_mean_ppm', MISSING))
        if kind in parts and MISSING not in measures:
            size, chi = (as_number(table, measure) for measure in measures)
            parts[kind].append((size, chi))
    means = {}
    for kind, measured in parts.items():
        volume = sum(size for size, _ in measured)
        total = sum(size * chi for size, chi in measured)
        means[f'chi_{kind}_ppm'] = total / volume if volume else None
    return means
