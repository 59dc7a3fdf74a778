"""Which units there are, what became of them, and what is read of them."""

import json
import os
import signal

import pandas as pd
import pytest

from deepmir_bids.bids.run_records import Record, write_records
from deepmir_bids.errors import UsageError
from deepmir_bids.group.read_cohort import read_cohort


@pytest.fixture
def status(out):
    """Return a function that reads the status and reason of each unit."""
    return lambda: read_cohort(out).units.set_index('label')[['status', 'reason']].T.to_dict()


def test_the_last_word_on_a_unit_holds(finished, recorded, status):
    for label in ('sub-01', 'sub-02', 'sub-03'):
        finished(label)
    recorded(**{'sub-01': 'failed: no room', 'sub-02': 'done', 'sub-04': 'started'})
    recorded(name='20260102T000000-host-1', **{'sub-01': 'started', 'sub-02': 'failed: full'})
    found = status()
    # Killed after it had published; failed although an earlier run left results; never recorded.
    assert found['sub-01']['status'] == 'done'
    assert (found['sub-02']['status'], found['sub-02']['reason']) == ('failed', 'full')
    assert found['sub-03']['status'] == 'done'
    assert found['sub-04']['status'] == 'failed'
    assert 'was not finished' in found['sub-04']['reason']


@pytest.mark.parametrize('lost', ['desc-candidates_dseg.tsv', 'label-CMB_probseg.nii.gz'])
def test_results_that_somebody_took_away_are_missed(finished, recorded, status, lost):
    anat = finished('sub-01')
    recorded(**{'sub-01': 'done'})
    assert status()['sub-01']['status'] == 'done'
    next(anat.glob(f'*{lost}')).unlink()
    assert 'not there any more' in status()['sub-01']['reason']


@pytest.mark.parametrize('name', ['desc-lesions_dseg.json', 'desc-brain_mask.json'])
@pytest.mark.parametrize('content', ['{"Model": ', '[]'])
def test_damaged_results_are_a_failure(finished, status, name, content):
    finished('sub-02')
    next(finished('sub-01').glob(f'*{name}')).write_text(content)
    found = status()
    assert found['sub-01']['status'] == 'failed'
    assert 'cannot be read' in found['sub-01']['reason']
    assert found['sub-02']['status'] == 'done'


@pytest.mark.parametrize(
    ('knew', 'name', 'expected'),
    [
        ('run-1', '20260101T000000-a-1', 'done'),  # it failed beside, or before: a clock is wrong
        ('run-1', '20280101T000000-a-1', 'done'),
        (None, '20280101T000000-a-1', 'done'),
        ('run-2', '20260101T000000-a-1', 'failed'),  # it failed afterwards
        ('run-2', '20280101T000000-a-1', 'failed'),
    ],
)
def test_clocks_do_not_tell_which_run_was_the_last(out, finished, status, knew, name, expected):
    finished('sub-01', detection={'Run': 'run-2'})
    done = Record.of('sub-01', 'done', None, 'run-2')
    write_records(out / 'logs' / '20270101T000000-b-2', [done])
    write_records(out / 'logs' / name, [Record.of('sub-01', 'failed', 'full', knew)])
    assert status()['sub-01']['status'] == expected


def test_a_folder_that_holds_no_results_is_no_unit(out, status):
    (out / 'sub-01' / 'figures').mkdir(parents=True)
    (out / 'sub-02' / 'anat').mkdir(parents=True)
    assert status() == {}


def test_facts_come_from_the_sidecars(finished, out):
    finished(
        'sub-01_ses-b',
        detection={
            'InputsUsed': ['swi', 'qsm'],
            'Notes': ['one', 'two'],
            'OperatingPoint': 'precise',
        },
        anatomy={
            'Template': 'T',
            'Quality': {'BrainVolume': 1300.5, 'SWINoise': 0.07, 'QSMShift': 2.4},
        },
        chi={'caudate': 0.05, 'pallidum externum': 0.1, 'pallidum internum': 0.2},
    )
    unit = read_cohort(out).units.iloc[0]
    assert (unit['participant_id'], unit['session_id']) == ('sub-01', 'ses-b')
    assert unit['inputs_used'] == 'swi+qsm'
    assert (unit['n_notes'], unit['operating_point'], unit['template']) == (2, 'precise', 'T')
    assert (unit['brain_volume_ml'], unit['swi_noise']) == (1300.5, 0.07)
    assert unit['qsm_shift_mm'] == 2.4
    assert unit['chi_pallidum_ppm'] == pytest.approx(0.15)
    assert pd.isna(unit['chi_putamen_ppm'])
    assert unit['registration_mi'] == 0.3


def test_lesions_carry_their_verdicts(cohort_of_four, out):
    lesions = read_cohort(out).lesions
    first = lesions[lesions['label'] == 'sub-01']
    assert first['found_as'].tolist() == ['lesion'] * 3 + ['candidate']
    assert first['verdict'].fillna('-').tolist() == ['rejected', 'accepted', '-', 'relabelled']
    assert first['final_class'].fillna('-').tolist() == ['-', 'CMB', 'iron', 'iron']
    assert set(first['comment']) == {'a <b>'}
    assert len(lesions) == 7


def test_a_review_of_other_lesions_is_not_counted(finished, reviewed, out):
    path = reviewed(finished('sub-01', ('CMB', 'lobar', 3.0)), {1: ('rejected', None)})
    path.write_text(path.read_text().replace('\tCMB\t', '\tiron\t'))
    cohort = read_cohort(out)
    unit = cohort.units.iloc[0]
    assert (unit['status'], unit['review_status']) == ('done', 'unusable')
    assert str(path) in unit['review_problem']
    assert cohort.lesions['final_class'].tolist() == ['CMB']


def test_source_entities_in_file_names_do_not_matter(finished, out):
    anat = finished('sub-01', ('CMB', 'lobar', 3.0))
    for path in anat.iterdir():
        path.rename(anat / path.name.replace('sub-01_', 'sub-01_acq-x_run-1_'))
    assert len(read_cohort(out).lesions) == 1
    assert json.loads(next(anat.glob('*lesions_dseg.json')).read_text())['Model'] == 'default'


def test_processes_side_by_side_read_the_same(cohort_of_four, finished, out, monkeypatch):
    damaged = finished('sub-06', ('CMB', 'lobar', 3.0))
    next(damaged.glob('*lesions_dseg.json')).write_text('{')
    alone = read_cohort(out)
    monkeypatch.setattr('deepmir_bids.processes.CHUNK', 1)
    together = read_cohort(out, nprocs=2)
    assert alone.units['status'].tolist().count('failed') == 2
    pd.testing.assert_frame_equal(together.units, alone.units)
    pd.testing.assert_frame_equal(together.lesions, alone.lesions)
    assert together.review_files == alone.review_files == list(out.glob('sub-01/anat/*review*'))


def test_a_reading_process_that_is_killed_is_told(cohort_of_four, out, monkeypatch):
    monkeypatch.setattr('deepmir_bids.processes.CHUNK', 1)
    monkeypatch.setattr(
        'deepmir_bids.group.read_cohort.known_unit',
        lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    )
    with pytest.raises(UsageError, match='was killed'):
        read_cohort(out, nprocs=2)
