"""What the group level leaves in the output folder, its page aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.bids.dataset_description import describe_review
from deepmir_bids.bids.tsv import as_tsv
from deepmir_bids.bids.whole_files import sweep, write_whole
from deepmir_bids.group.cohort_tables import Group, describe_columns
from deepmir_bids.group.density_maps import FWHM_MM, grid_affine, lesion_density
from deepmir_bids.group.lesion_counts import SOURCES, lesions_of
from deepmir_bids.group.participant_rows import first_finished


def write_group(group: Group, out_dir: Path) -> None:
    """Write all tables with their descriptions, and the density maps; each appears whole."""
    columns = describe_columns(group)
    tables = {
        'participants': ('participants', group.participants),
        'lesions': ('group_lesions', group.lesions),
        'summary': ('group_summary', group.summary),
        'qc': ('group_qc', group.qc),
    }
    if group.site and len(group.site.table):
        tables['thresholds'] = ('group_thresholds', group.site.table)
    about_sessions = _as_json(columns['sessions'])
    for name, (stem, table) in tables.items():
        write_whole(out_dir / f'{stem}.tsv', as_tsv(table))
        write_whole(out_dir / f'{stem}.json', _as_json(columns[name]))
    for participant, text in _as_texts(group.sessions):
        folder, stem = out_dir / participant, f'{participant}_sessions'
        sweep(folder)
        write_whole(folder / f'{stem}.tsv', text)
        write_whole(folder / f'{stem}.json', about_sessions)
    for review in group.cohort.review_files:
        describe_review(review)
    written = set()
    for stem, density, about in density_maps(group):
        write_whole(out_dir / f'{stem}.nii.gz', _as_image(density))
        write_whole(out_dir / f'{stem}.json', _as_json(about))
        written |= {f'{stem}.nii.gz', f'{stem}.json'}
    for earlier in out_dir.glob('group_space-*_density.*'):
        if earlier.name not in written:
            earlier.unlink(missing_ok=True)


def _as_texts(sessions: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Write each participant's table as text, all in one go: a thousand small ones take long."""
    sizes = sessions.groupby('participant_id', sort=False).size()
    header, *rows = as_tsv(sessions.drop(columns='participant_id')).removesuffix('\n').split('\n')
    of_table = iter(rows)
    for name, size in sizes.items():
        yield str(name), '\n'.join([header, *islice(of_table, size), ''])


def density_maps(group: Group) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Make a density map of each template and class.

    Yields
    ------
    str
        Name of the file, without its extension.
    array
        Lesions per participant and mL (:func:`lesion_density`).
    dict
        What a reader of the map has to know.

    """
    people = first_finished(group.units)
    people = people[people['status'] == 'done']
    lesions = lesions_of(group.cohort.lesions, SOURCES[1])
    for template, own in people.groupby('template'):
        theirs = lesions[lesions['label'].isin(own['label'])]
        for name in CLASSES:
            kind = theirs[theirs['class'] == name]
            points = kind[['x_mni', 'y_mni', 'z_mni']].to_numpy(dtype=float)
            density, within = lesion_density(points, len(own))
            about = {
                'Description': f'Density of {name} in the first finished session of each '
                'participant, as reviewed where a reader looked at them',
                'Units': 'lesions per participant per mL',
                'FWHM': FWHM_MM,
                'Participants': len(own),
                'Lesions': within,
                'LesionsOutsideTheGrid': len(points) - within,
                'Template': template,
            }
            yield f'group_space-{template}_label-{name}_density', density, about


def _as_image(density: np.ndarray) -> bytes:
    import gzip

    import nibabel as nib

    image = nib.Nifti1Image(density, grid_affine())
    image.set_qform(grid_affine(), code='mni')
    image.set_sform(grid_affine(), code='mni')
    image.header.set_xyzt_units('mm')
    image.header['descrip'] = b'lesions per participant per mL'
    return gzip.compress(image.to_bytes(), mtime=0)


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + '\n'
