"""What deepmir leaves of a cohort, made directly: tables and sidecars, over images of one voxel.

The group level reads no image, so thousands of participants can be made in seconds.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES, INPUTS, __version__
from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.anatomy.structure_kinds import kind_of
from deepmir_bids.anatomy.template_choice import BUILTIN_ATLAS
from deepmir_bids.bids.dataset_description import describe_dataset
from deepmir_bids.bids.finished_results import beside
from deepmir_bids.bids.output_files import results_of
from deepmir_bids.bids.run_records import Record, keep_participants, write_records
from deepmir_bids.bids.sidecars import complete_sidecars, source_facts
from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.bids.unit_of_work import Unit, unit_folder
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.lesions.lesion_measures import flags
from deepmir_bids.lesions.lesion_table import columns
from deepmir_bids.lesions.reader_review import SAVED

#: Centre and spread in MNI mm of the lesions of each region.
PLACES = {
    'lobar': ((0, -20, 35), (35, 35, 18)),
    'deep': ((0, -8, 6), (22, 10, 6)),
    'infratentorial': ((0, -55, -38), (14, 8, 6)),
}
STRUCTURE = {'lobar': 'frontal lobe', 'deep': 'putamen', 'infratentorial': 'cerebellum'}
NUCLEI = {'caudate': 0.05, 'putamen': 0.06, 'pallidum': 0.11, 'thalamus': 0.01}


def draw_lesions(
    kinds: Sequence[tuple[str, str, float]], rng: np.random.Generator, first: int = 1
) -> pd.DataFrame:
    """Make up a lesion table.

    Parameters
    ----------
    kinds
        Class, region and diameter (mm) of each lesion.
    rng
        Draws place, probability and the other measures.
    first
        Index of the first lesion.

    """
    rows = []
    numbers = dict.fromkeys(CLASSES, first - 1)
    for index, (name, region, diameter_mm) in enumerate(kinds, start=first):
        numbers[name] += 1
        centre, spread = PLACES[region]
        place = rng.normal(centre, spread)
        row: dict[str, Any] = {
            'index': index,
            'name': f'{name}-{numbers[name]:02d}',
            'class': name,
            'structure': f'{"left" if place[0] < 0 else "right"} {STRUCTURE[region]}',
            'region': region,
            **dict(zip('xyz', place + rng.normal(0, 3, 3), strict=True)),
            **dict(zip(('x_mni', 'y_mni', 'z_mni'), place, strict=True)),
            'volume_mm3': np.pi / 6 * diameter_mm**3,
            'diameter_mm': diameter_mm,
            'elongation': rng.uniform(1, 2.5),
            'probability': rng.uniform(0.6, 1),
            'chi_mean_ppm': rng.normal(0.2, 0.05),
            'chi_max_ppm': rng.normal(0.5, 0.1),
            'swi_contrast': rng.uniform(0.2, 0.8),
            'edge_distance_mm': rng.uniform(3, 30),
        }
        rows.append(row | {'flags': flags(row)})
    return pd.DataFrame(rows, columns=list(columns())).round(4)


def write_unit(
    out_dir: Path,
    label: str,
    lesions: pd.DataFrame,
    *,
    candidates: pd.DataFrame | None = None,
    detection: Mapping[str, Any] | None = None,
    anatomy: Mapping[str, Any] | None = None,
    chi: Mapping[str, float] = NUCLEI,
    atlas: str = BUILTIN_ATLAS,
) -> Path:
    """Write what a finished unit leaves, with images of one voxel; return its ``anat`` folder.

    Parameters
    ----------
    out_dir, label
        Root of the outputs; ``sub-01`` or ``sub-01_ses-02``.
    lesions, candidates
        Its tables (:func:`draw_lesions`); by default there are no candidates.
    detection, anatomy
        What differs in the sidecars of the lesions and of the brain mask.
    chi
        Mean susceptibility of its nuclei, in ppm.
    atlas
        Label of the atlas.

    """
    folder = unit_folder(out_dir, label) / 'anat'
    folder.mkdir(parents=True, exist_ok=True)
    raw = out_dir.parent
    images = {name: raw / f'{label}_{name}.nii.gz' for name in INPUTS}
    unit = replace(Unit.of(label), **images)
    facts = {**source_facts(unit, {'raw': raw}), **_facts()}
    sidecars = complete_sidecars(results_of(unit.owed), facts)
    sidecars['lesions'] |= detection or {}
    sidecars['brain_mask'] |= anatomy or {}
    tables = {
        'lesion_table': lesions,
        'candidate_table': lesions[:0] if candidates is None else candidates,
        'structure_table': _structures(chi),
        'class_table': pd.DataFrame({'index': CLASSES.values(), 'name': CLASSES.keys()}),
    }
    for result in results_of(INPUTS):
        path = folder / f'{label}{result.ending_of(SPACE, atlas)}'
        if result.name in tables:
            write_tsv(tables[result.name], path)
        else:
            path.write_bytes(_one_voxel() if result.extension == '.nii.gz' else b'')
        if result.name in sidecars:
            beside(path, '.json').write_text(json.dumps(sidecars[result.name]))
    (out_dir / f'{label}.html').write_text('<!doctype html><title>page</title>')
    return folder


def write_cohort(out_dir: Path, participants: int, seed: int = 0) -> None:
    """Write the outputs of a cohort, as one run of all its participants would.

    Every tenth participant has two sessions; of each 25 the 13th has no SWI, and the 17th failed.
    Age and sex are known; older participants have more microbleeds.
    """
    rng = np.random.default_rng(seed)
    width = max(2, len(str(participants)))
    records, table = [], ['participant_id\tage\tsex']
    for number in range(1, participants + 1):
        label = f'sub-{number:0{width}d}'
        age = int(rng.integers(45, 85))
        table.append(f'{label}\t{age}\t{"FM"[number % 2]}')
        if number % 25 == 13:
            records.append(Record.of(label, 'skipped', 'no SWI found'))
        elif number % 25 == 17:
            records.append(Record.of(label, 'failed', 'the T2w is truncated: copy it again'))
        else:
            units = [f'{label}_ses-{s}' for s in '12'] if number % 10 == 0 else [label]
            records += [Record.of(unit, 'done') for unit in units]
            for unit in units:
                _write_drawn_unit(out_dir, unit, age, rng)
    describe_dataset(out_dir, {'raw': out_dir.parent}, citation='Made directly.\n')
    log_dir = out_dir / 'logs' / '20260101T000000-simulated-1'
    write_records(log_dir, records)
    raw = out_dir / 'logs' / 'raw'
    raw.mkdir()
    (raw / 'participants.tsv').write_text('\n'.join(table) + '\n')
    keep_participants(log_dir, raw, [record.participant_id[4:] for record in records])
    (raw / 'participants.tsv').unlink()
    raw.rmdir()


def write_site(
    out_dir: Path,
    participants: int,
    *,
    thresholds: Mapping[str, float],
    detection: Mapping[str, Any],
    seed: int = 0,
    reader: str = 'AB',
) -> None:
    """Write the reviewed outputs of a site where false findings are many and less probable.

    Each participant has two to four microbleeds of high probability, five to nine false ones of
    lower, and an iron deposit; a reader judged all findings, and the candidates. ``thresholds``
    are those of the run, ``detection`` what else its sidecars say.
    """
    rng = np.random.default_rng(seed)
    for number in range(1, participants + 1):
        label = f'sub-{number:02d}'
        true, false = int(rng.integers(2, 5)), int(rng.integers(5, 10))
        table = draw_lesions(
            [('CMB', 'lobar', 3.0)] * (true + false) + [('iron', 'deep', 8.0)], rng
        )
        odds = np.r_[rng.normal(6, 1, true), rng.normal(2.5, 1, false), 4]
        table['probability'] = (1 / (1 + np.exp(-odds))).clip(0.5, 0.9999).round(4)
        right = np.r_[np.ones(true, bool), np.zeros(false, bool), True]
        limit = table['class'].map(thresholds)
        found = table['probability'] >= limit
        near = ~found & (table['probability'] >= 0.5 * limit)
        folder = write_unit(
            out_dir, label, table[found], candidates=table[near],
            detection={'Thresholds': dict(thresholds), **detection},
        )  # fmt: skip
        judged = pd.concat([table[found], table[near]])
        verdicts = np.where(right[judged.index], 'accepted', 'rejected')
        review = judged.assign(
            verdict=verdicts,
            reviewed_class=judged['class'].where(verdicts == 'accepted'),
            comment=None,
            reader=reader,
        )
        write_tsv(review[list(SAVED)], folder / f'{label}_desc-review_dseg.tsv')
    write_records(
        out_dir / 'logs' / '20260101T000000-simulated-1',
        [Record.of(f'sub-{n:02d}', 'done') for n in range(1, participants + 1)],
    )
    describe_dataset(out_dir, {'raw': out_dir.parent}, citation='Made directly.\n')


def _write_drawn_unit(out_dir: Path, unit: str, age: int, rng: np.random.Generator) -> None:
    regions = list(PLACES)
    microbleeds = 0 if rng.uniform() > (age - 30) / 80 else rng.geometric(0.35)
    kinds = [
        ('CMB', str(rng.choice(regions, p=(0.6, 0.25, 0.15))), float(rng.gamma(8, 0.45) + 1))
        for _ in range(microbleeds)
    ] + [('iron', 'deep', float(rng.gamma(8, 0.8) + 2)) for _ in range(rng.binomial(2, 0.15))]
    volume_ml = rng.normal(1400, 110)
    write_unit(
        out_dir,
        unit,
        draw_lesions(kinds, rng),
        candidates=draw_lesions([('CMB', 'lobar', 2.0)] * rng.binomial(2, 0.5), rng, 90),
        anatomy={
            'Registration': {
                'Start': str(rng.choice(['t2w head, refined', 't1w head, refined'])),
                'MutualInformation': round(float(rng.normal(0.3, 0.03)), 4),
                'BrainVolume': round(float(volume_ml), 1),
            },
            'Quality': {
                'BrainVolume': round(float(volume_ml), 1),
                'SWINoise': round(float(rng.gamma(20, 0.002)), 4),
                'VoxelSize': [0.8, 0.8, 1.5],
            },
        },
        chi={name: round(float(rng.normal(chi, 0.015)), 4) for name, chi in NUCLEI.items()},
    )


@functools.cache
def _one_voxel() -> bytes:
    import gzip

    import nibabel as nib

    image = nib.Nifti1Image(np.ones((1, 1, 1), dtype=np.uint8), np.eye(4))
    return gzip.compress(image.to_bytes(), mtime=0)


def _structures(chi: Mapping[str, float]) -> pd.DataFrame:
    """Table of both sides of some nuclei, with their mean susceptibility in ppm."""
    rows = [
        (f'{side} {name}', kind_of(name), 'deep', 1500.0, value, 0.02)
        for name, value in chi.items()
        for side in ('left', 'right')
    ]
    names = ['name', 'kind', 'region', 'volume_mm3', 'chi_mean_ppm', 'chi_sd_ppm']
    table = pd.DataFrame(rows, columns=names)
    table.insert(0, 'index', range(1, len(table) + 1))
    return table


def _facts() -> dict[str, dict[str, Any]]:
    """What the sidecars of a unit say if nothing else is wanted."""
    criteria = DetectionCriteria(
        {'CMB': 0.9, 'iron': 0.9}, {'CMB': 0.3, 'iron': 0.3}, 0.0, 'balanced'
    )
    return {
        'detection': {
            'InputsUsed': list(INPUTS),
            'InputsMissing': [],
            'Version': __version__,
            'Model': 'default',
            'ModelSHA256': '0' * 64,
            **criteria.for_sidecar(),
        },
        'anatomy': {'Template': SPACE, 'Atlas': BUILTIN_ATLAS},
        'registration': {
            'Registration': {
                'Start': 't2w head, refined',
                'MutualInformation': 0.3,
                'BrainVolume': 1400.0,
            }
        },
        'quality': {
            'Quality': {'BrainVolume': 1400.0, 'SWINoise': 0.04, 'VoxelSize': [0.8, 0.8, 1.5]}
        },
        'alignment': {'AlignmentMutualInformation': 0.3},
        'conversion': {'Units': 'ppm'},
        'reconstruction': {},
        'methods': {'Description': 'Made directly.'},
        'notes': {'Notes': []},
        'candidates': {'InputCandidates': []},
    }
