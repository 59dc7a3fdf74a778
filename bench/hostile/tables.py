"""Reviews, tables of atlases, and what lies in an output folder."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from made_outputs import draw_lesions, write_unit

from deepmir_bids.bids.run_records import COLUMNS as RECORD
from hostile.pieces import spoilt_json, spoilt_text


@cache
def _unit() -> dict[str, str]:
    """Names and texts of what a finished unit with two lesions left; images are no text."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / 'raw' / 'out'
        kinds = [('CMB', 'lobar', 3.0), ('iron', 'deep', 6.0)]
        folder = write_unit(out, 'sub-01', draw_lesions(kinds, np.random.default_rng(0)))
        ends = ('.tsv', '.json')
        return {
            path.name: path.read_text() if path.name.endswith(ends) else ''
            for path in folder.iterdir()
        }


def text_of(ending: str) -> str:
    return next(text for name, text in _unit().items() if name.endswith(ending))


def sound_review() -> str:
    from deepmir_bids.lesions.reader_review import COLUMNS

    lines = [line.split('\t') for line in text_of('desc-lesions_dseg.tsv').splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    words = {'verdict': 'accepted', 'comment': 'n/a'}
    made = [{**row, **words, 'reviewed_class': row['class']} for row in rows]
    return '\n'.join(
        '\t'.join(line) for line in [COLUMNS, *([r[c] for c in COLUMNS] for r in made)]
    )


def read_review(folder: Path, made: tuple[bytes, bytes]) -> None:
    """As the report, the group level and the training do."""
    from deepmir_bids.lesions.reader_review import read_reviewed_lesions, review_progress

    names = ('lesion_table', 'candidate_table', 'review')
    files = {name: folder / f'{name}.tsv' for name in names}
    files['lesion_table'].write_bytes(made[0])
    files['candidate_table'].write_text(text_of('desc-candidates_dseg.tsv'))
    files['review'].write_bytes(made[1])
    review_progress(read_reviewed_lesions(files))


def read_atlas_table(folder: Path, made: bytes) -> None:
    """As ``--atlas-labels`` is."""
    from deepmir_bids.anatomy.atlas_structures import read_structures

    (folder / 'dseg.tsv').write_bytes(made)
    read_structures(folder / 'dseg.tsv')


RECORDS = '\t'.join(RECORD) + '\nsub-01\tn/a\tdone\tn/a\nsub-02\tses-1\tfailed\tno room\n'
PARTICIPANTS = 'participant_id\tage\tsex\nsub-01\t60\tF\nsub-02\t89+\tn/a\n'
COHORT = st.fixed_dictionaries(
    {},
    optional={
        'units.tsv': spoilt_text(RECORDS),
        'participants.tsv': spoilt_text(PARTICIPANTS),
        'participants.json': spoilt_json({'age': {'Units': 'years'}, 'sex': {'Levels': {}}}),
        'desc-lesions_dseg.json': st.deferred(
            lambda: spoilt_json(json.loads(text_of('desc-lesions_dseg.json')))
        ),
        'desc-brain_mask.json': st.deferred(
            lambda: spoilt_json(json.loads(text_of('desc-brain_mask.json')))
        ),
        'desc-lesions_dseg.tsv': st.deferred(
            lambda: spoilt_text(text_of('desc-lesions_dseg.tsv'))
        ),
        'builtin_dseg.tsv': st.deferred(lambda: spoilt_text(text_of('builtin_dseg.tsv'))),
    },
)


def _cohort(folder: Path, made: dict[str, bytes]):
    from deepmir_bids.group.cohort_tables import make_tables
    from deepmir_bids.group.mixed_results import find_mixtures
    from deepmir_bids.group.read_cohort import read_cohort

    out = folder / 'out'
    anat, logs = out / 'sub-01' / 'anat', out / 'logs' / 'x'
    anat.mkdir(parents=True)
    logs.mkdir(parents=True)
    for name, text in _unit().items():
        (anat / name).write_text(text)
    (logs / 'units.tsv').write_text(RECORDS)
    for ending, content in made.items():
        path = logs / ending
        if ending not in ('units.tsv', 'participants.tsv', 'participants.json'):
            path = next(one for one in anat.iterdir() if one.name.endswith(ending))
        path.write_bytes(content)
    cohort = read_cohort(out)
    find_mixtures(cohort.units)
    return out, make_tables(cohort, cohort.raw.columns[:1])


def read_group(folder: Path, made: dict[str, bytes]) -> None:
    """As the group level does, up to its tables."""
    _cohort(folder, made)


def write_cohort_level(folder: Path, made: dict[str, bytes]) -> None:
    """As the group level does, with all that it leaves."""
    from deepmir_bids.group.write_group import write_group

    out, group = _cohort(folder, made)
    write_group(group, out)
