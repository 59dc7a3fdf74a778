"""Participants, sessions and counts."""

import json

import pytest

from deepmir_bids.bids.tsv import as_tsv, read_tsv
from deepmir_bids.group.cohort_tables import describe_columns, make_tables
from deepmir_bids.group.read_cohort import read_cohort
from deepmir_bids.group.write_group import write_group


@pytest.fixture
def group(cohort_of_four, out):
    return make_tables(read_cohort(out), ['sex'])


def test_nobody_is_dropped_and_nobody_counted_twice(group):
    table = group.participants.set_index('participant_id')
    assert table['status'].tolist() == ['done', 'done', 'done', 'failed', 'skipped']
    assert table['n_sessions'].tolist() == [1, 2, 1, 1, 1]
    assert table['session_id'].fillna('-').tolist() == ['-', 'ses-1', '-', '-', '-']
    assert table['reason'].fillna('-').tolist() == ['-', '-', '-', 'no room', 'no SWI found']
    assert table['n_cmb'].fillna(-1).tolist() == [2, 1, 0, -1, -1]


def test_counts_as_found_and_as_reviewed(group):
    first = group.participants.iloc[0]
    found = {
        'n_cmb': 2,
        'n_cmb_lobar': 1,
        'n_cmb_deep': 1,
        'n_cmb_infratentorial': 0,
        'n_cmb_below_5mm': 1,
        'n_cmb_from_5mm': 1,
        'n_iron': 1,
    }
    assert {name: first[name] for name in found} == found
    left = {'n_cmb': 1, 'n_cmb_lobar': 0, 'n_cmb_deep': 1, 'n_cmb_below_5mm': 0, 'n_iron': 2}
    assert {name: first[f'reviewed_{name}'] for name in left} == left
    assert first['iron_volume_mm3'] == pytest.approx(268.08, abs=0.01)
    assert first['reviewed_iron_volume_mm3'] == pytest.approx(268.08 + 4.19, abs=0.01)
    assert first['review_status'] == 'partial'


def test_missing_counts_are_not_zero(group):
    lines = as_tsv(group.participants).splitlines()
    header = lines[0].split('\t')
    rows = {
        line.split('\t')[0]: dict(zip(header, line.split('\t'), strict=True)) for line in lines
    }
    assert rows['sub-04']['n_cmb'] == rows['sub-04']['cmb_volume_mm3'] == 'n/a'
    assert rows['sub-03']['n_cmb'] == '0'
    assert rows['sub-01']['n_cmb'] == '2'


def test_raw_columns_are_kept_and_give_way(group):
    table = group.participants
    assert list(table.columns[:6]) == [
        'participant_id', 'age', 'sex', 'raw_status', 'n_sessions', 'session_id',
    ]  # fmt: skip
    assert table['age'].tolist() == ['60', '70', 'n/a', '50', '55']
    assert table['raw_status'].tolist()[:2] == ['patient', 'control']


def test_each_session_has_its_row(group):
    sessions = group.sessions
    assert sessions['participant_id'].tolist() == ['sub-02', 'sub-02']
    assert sessions['session_id'].tolist() == ['ses-1', 'ses-2']
    assert sessions['n_cmb'].tolist() == [1, 2]
    assert sessions['n_cmb_from_5mm'].tolist() == [0, 1]


def test_the_first_finished_session_counts(finished, recorded, out):
    finished('sub-01_ses-2', ('CMB', 'lobar', 2.0))
    recorded(**{'sub-01_ses-1': 'failed: no room', 'sub-01_ses-2': 'done'})
    group = make_tables(read_cohort(out))
    row = group.participants.iloc[0]
    assert (row['session_id'], row['status'], row['n_cmb']) == ('ses-2', 'done', 1)
    assert group.sessions['status'].tolist() == ['failed', 'done']


def test_each_sessions_table_is_written_as_if_alone(finished, recorded, out):
    finished('sub-01_ses-2', ('CMB', 'lobar', 2.0))
    recorded(**{'sub-01_ses-1': 'failed: no room', 'sub-01_ses-2': 'done'})
    finished('sub-03_ses-a', ('iron', 'deep', 3.0))
    finished('sub-03_ses-b')
    finished('sub-03_ses-c')
    group = make_tables(read_cohort(out))
    write_group(group, out)
    tables = dict(list(group.sessions.groupby('participant_id')))
    assert list(tables) == ['sub-01', 'sub-03']
    for name, table in tables.items():
        alone = as_tsv(table.drop(columns='participant_id'))
        assert (out / name / f'{name}_sessions.tsv').read_text() == alone


def test_every_column_of_every_table_is_described(group):
    described = describe_columns(group)
    tables = {
        'participants': group.participants,
        'sessions': group.sessions.drop(columns='participant_id'),
        'lesions': group.lesions,
        'summary': group.summary,
        'qc': group.qc,
    }
    for name, table in tables.items():
        assert list(described[name]) == list(table.columns)
        assert all(about['Description'] for about in described[name].values())


def test_a_cohort_of_failures_alone(recorded, out):
    recorded(**{'sub-01': 'failed: no room'})
    group = make_tables(read_cohort(out))
    assert group.participants['status'].tolist() == ['failed']
    whole = group.summary.iloc[0]
    assert (whole['participants'], whole['failed'], whole['lesions']) == (0, 1, 0)
    assert len(group.lesions) == 0


def test_a_review_is_described_beside_it(group, out):
    (review,) = out.rglob('*_desc-review_dseg.tsv')
    write_group(group, out)
    described = json.loads(review.with_suffix('.json').read_text())
    assert set(read_tsv(review).columns) == set(described)
