"""Read what each unit of a cohort left: a few small text files, and never an image."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA
from deepmir_bids.bids.run_records import RawParticipants, read_participants
from deepmir_bids.bids.tsv import MISSING, read_rows
from deepmir_bids.errors import InputError
from deepmir_bids.group.finished_units import KnownUnit, known_units
from deepmir_bids.lesions.lesion_measures import columns as lesion_columns
from deepmir_bids.lesions.reader_review import Progress, apply_review, progress, read_review

TEXT = ('name', 'class', 'structure', 'region', 'flags')
#: What the group level adds to the columns of the lesion table.
ADDED = ('label', 'participant_id', 'session_id', 'template', 'model', 'version')
REVIEWED = ('found_as', 'verdict', 'reviewed_class', 'comment', 'final_class')
#: What is known of a unit, done or not.
UNIT = (
    'label', 'participant_id', 'session_id', 'status', 'reason', 'inputs_used', 'template',
    'model', 'model_sha256', 'version', 'operating_point', 'threshold_cmb', 'threshold_iron',
    'extent_threshold', 'min_volume_mm3', 'start', 'registration_mi', 'brain_volume_ml',
    'swi_noise', 'voxel_size_mm', *(f'chi_{name}_ppm' for name in BASAL_GANGLIA), 'n_notes',
    'lesions_looked_at', 'lesions_found', 'review_status', 'review_problem',
)  # fmt: skip


@dataclass(frozen=True)
class Cohort:
    """
    All that is known of a cohort.

    ``units`` has a row a unit (:data:`UNIT`), by participant and session; ``lesions`` a row for
    each lesion of the finished ones, and for each candidate that a reader took for a lesion
    (``found_as``). ``class`` is as found, ``final_class`` as reviewed and missing for what a
    reader rejected.
    """

    units: pd.DataFrame
    lesions: pd.DataFrame
    raw: RawParticipants


def read_cohort(out_dir: Path) -> Cohort:
    """Read the cohort of an output folder; a unit whose files are damaged counts as failed."""
    units, lesions = [], []
    for unit in known_units(out_dir):
        row = {
            'label': unit.record.label,
            'participant_id': unit.record.participant_id,
            'session_id': unit.record.session_id,
            'status': unit.record.status,
            'reason': unit.record.reason,
        }
        if unit.record.status == 'done':
            try:
                facts, own = _read_unit(unit)
                marks = {name: (row | facts)[name] for name in ADDED}
                lesions += [marks | lesion for lesion in own]
                row |= facts
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                # Whatever is wrong with its files, the cohort goes on without it, and says so.
                why = f'its results cannot be read ({error!r}): run deepmir on it again'
                row |= {'status': 'failed', 'reason': why}
        units.append(row)
    return Cohort(
        pd.DataFrame(units, columns=list(UNIT)),
        _as_table(lesions),
        read_participants(out_dir),
    )


def _read_unit(unit: KnownUnit) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Facts and lesions of a finished unit."""
    found = json.loads(unit.files['found'].read_text())
    anatomy = json.loads(unit.files['anatomy'].read_text())
    rows = [row | {'found_as': 'lesion'} for row in read_rows(unit.files['table'])]
    facts = {
        **_detection(found),
        **_quality(anatomy),
        **_susceptibility(
            read_rows(unit.files['structures']) if 'structures' in unit.files else []
        ),
        'n_notes': len(found.get('Notes', [])),
    }
    how_far, problem = Progress(0, len(rows)), None
    for row in rows:
        row['final_class'] = row['class']
    if 'review' in unit.files:
        try:
            rows, how_far = _review(unit, rows)
        except InputError as error:
            problem = str(error)
    facts |= {
        'lesions_looked_at': how_far.looked_at,
        'lesions_found': how_far.of,
        'review_status': 'unusable' if problem else how_far.status,
        'review_problem': problem,
    }
    return facts, rows


def _review(unit: KnownUnit, rows: list[dict]) -> tuple[list[dict], Progress]:
    """Lesions with their verdicts, the candidates that became lesions after them."""
    candidates = read_rows(unit.files['candidates_table'])
    candidates = [row | {'found_as': 'candidate'} for row in candidates]
    lesions, others = _places(rows), _places(candidates)
    review = read_review(unit.files['review'], lesions, others)
    kept = apply_review(lesions, others, review)
    final = dict(zip(kept['index'].tolist(), kept['class'].tolist(), strict=True))
    reviewed = []
    names = ['verdict', 'reviewed_class', 'comment']
    verdicts = zip(*(review[name].tolist() for name in ('index', *names)), strict=True)
    for row, (index, *verdict) in zip([*rows, *candidates], verdicts, strict=True):
        if row['found_as'] == 'lesion' or index in final:
            words = dict(zip(names, verdict, strict=True))
            reviewed.append(row | words | {'final_class': final.get(index)})
    return reviewed, progress(lesions, review)


def _places(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """What a review is checked against, and no more: thousands of units may have one."""
    return pd.DataFrame(
        {
            'index': [int(row['index']) for row in rows],
            'class': [row['class'] for row in rows],
            **{axis: [float(row[axis]) for row in rows] for axis in 'xyz'},
        }
    )


def _detection(found: dict[str, Any]) -> dict[str, Any]:
    thresholds = found.get('Thresholds', {})
    return {
        'inputs_used': '+'.join(found.get('InputsUsed', [])) or None,
        'model': found.get('Model'),
        'model_sha256': found.get('ModelSHA256'),
        'version': found.get('Version'),
        'operating_point': found.get('OperatingPoint'),
        **{f'threshold_{name.lower()}': thresholds.get(name) for name in CLASSES},
        'extent_threshold': found.get('ExtentThreshold'),
        'min_volume_mm3': found.get('MinimumVolume'),
    }


def _quality(anatomy: dict[str, Any]) -> dict[str, Any]:
    registration, quality = anatomy.get('Registration', {}), anatomy.get('Quality', {})
    voxel = quality.get('VoxelSize')
    return {
        'template': anatomy.get('Template'),
        'start': registration.get('Start'),
        'registration_mi': registration.get('MutualInformation'),
        'brain_volume_ml': quality.get('BrainVolume', registration.get('BrainVolume')),
        'swi_noise': quality.get('SWINoise'),
        'voxel_size_mm': ' x '.join(f'{size:.2f}' for size in voxel) if voxel else None,
    }


def _susceptibility(structures: Iterable[dict[str, str]]) -> dict[str, float | None]:
    """Mean of each of the basal ganglia over both sides and their parts, by volume."""
    found = {}
    for nucleus in BASAL_GANGLIA:
        # Atlases name the parts of the pallidum in their own ways.
        word = nucleus.removesuffix('um')
        parts = [
            (float(row['volume_mm3']), float(row['chi_mean_ppm']))
            for row in structures
            if word in row['name'].lower()
            and MISSING not in (row.get('volume_mm3', MISSING), row.get('chi_mean_ppm', MISSING))
        ]
        volume = sum(size for size, _ in parts)
        mean = sum(size * chi for size, chi in parts) / volume if volume else None
        found[f'chi_{nucleus}_ppm'] = mean
    return found


def _as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of text as a table with numbers; columns that no unit has are missing throughout."""
    names = [*ADDED, *lesion_columns(), *REVIEWED]
    table = pd.DataFrame(rows, columns=names)
    for name in lesion_columns():
        if name not in TEXT:
            table[name] = pd.to_numeric(table[name], errors='coerce')
    for name in TEXT:
        table[name] = table[name].astype(object).where(table[name] != MISSING, None)
    return table
