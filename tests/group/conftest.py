"""Outputs of small cohorts, written directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_outputs import draw_lesions, write_unit

from deepmir_bids.bids.run_records import Record, keep_participants, write_records
from deepmir_bids.bids.tsv import read_rows, rows_as_tsv
from deepmir_bids.lesions.reader_review import SAVED


@pytest.fixture
def out(tmp_path) -> Path:
    """Folder for outputs."""
    (tmp_path / 'out').mkdir()
    return tmp_path / 'out'


@pytest.fixture
def finished(out):
    """Return a function that writes a finished unit with lesions (class, region, diameter)."""

    def write(label, *kinds, candidates=(), **sidecars):
        rng = np.random.default_rng(len(label))
        return write_unit(
            out,
            label,
            draw_lesions(kinds, rng),
            candidates=draw_lesions(candidates, rng, len(kinds) + 1),
            **sidecars,
        )

    return write


@pytest.fixture
def recorded(out, tmp_path):
    """Return a function that leaves the record of a run: units, and the raw participants."""

    def write(participants=None, name='20260101T000000-host-1', **status):
        log_dir = out / 'logs' / name
        records = []
        for label, word in status.items():
            word, _, reason = word.partition(': ')
            records.append(Record.of(label, word, reason or None))
        write_records(log_dir, records)
        if participants:
            raw = tmp_path / 'raw'
            raw.mkdir(exist_ok=True)
            (raw / 'participants.tsv').write_text(participants)
            labels = [record.participant_id.removeprefix('sub-') for record in records]
            keep_participants(log_dir, raw, labels)
        return log_dir

    return write


@pytest.fixture
def reviewed():
    """Return a function that reviews a unit; index → (verdict, class as reviewed)."""

    def write(anat: Path, verdicts, comment='n/a'):
        label = anat.parent.name
        rows = []
        for desc in ('lesions', 'candidates'):
            table = anat / f'{label}_space-SWI_seg-deepmir_desc-{desc}_dseg.tsv'
            for row in read_rows(table):
                verdict, kind = verdicts.get(int(row['index']), (None, None))
                review = {'verdict': verdict, 'reviewed_class': kind, 'comment': comment}
                rows.append({**row, **review})
        path = anat / f'{label}_desc-review_dseg.tsv'
        path.write_text(rows_as_tsv(rows, SAVED))
        return path

    return write


@pytest.fixture
def cohort_of_four(finished, recorded, reviewed):
    """Three finished participants, one of two sessions and one without lesions; one failed.

    sub-01: CMB lobar 3 mm (rejected), CMB deep 6 mm (accepted), iron deep 8 mm (not looked at);
    a candidate CMB (taken for iron). sub-02_ses-1: CMB infratentorial 2 mm, ses-2: two CMB.
    sub-03: nothing. sub-04: failed. sub-05: skipped.
    """
    anat = finished(
        'sub-01',
        ('CMB', 'lobar', 3.0),
        ('CMB', 'deep', 6.0),
        ('iron', 'deep', 8.0),
        candidates=[('CMB', 'lobar', 2.0), ('CMB', 'lobar', 2.0)],
    )
    reviewed(
        anat, {1: ('rejected', None), 2: ('accepted', 'CMB'), 4: ('relabelled', 'iron')}, 'a <b>'
    )
    finished('sub-02_ses-1', ('CMB', 'infratentorial', 2.0))
    finished('sub-02_ses-2', ('CMB', 'lobar', 2.0), ('CMB', 'lobar', 5.0))
    finished('sub-03')
    recorded(
        'participant_id\tage\tsex\tstatus\nsub-01\t60\tF\tpatient\nsub-02\t70\tM\tcontrol\n'
        'sub-03\tn/a\tM\tcontrol\nsub-04\t50\tF\tcontrol\nsub-05\t55\tF\tpatient\n',
        **{
            'sub-01': 'done',
            'sub-02_ses-1': 'done',
            'sub-02_ses-2': 'done',
            'sub-03': 'done',
            'sub-04': 'failed: no room',
            'sub-05': 'skipped: no SWI found',
        },
    )
