"""Records of runs; nobody needs the raw dataset again."""

import re

import pytest

from deepmir_bids.bids.run_records import (
    Record,
    keep_participants,
    make_run_folder,
    read_participants,
    read_records,
    write_records,
)


@pytest.fixture
def raw(tmp_path):
    """A raw dataset that describes three participants."""
    folder = tmp_path / 'raw'
    folder.mkdir()
    table = '\ufeffparticipant_id\tage\tsex\r\nsub-01\t61\tF\r\n02\tn/a\tM\r\nsub-03\t70\tF\r\n'
    (folder / 'participants.tsv').write_bytes(table.encode())
    (folder / 'participants.json').write_text('{"age": {"Units": "year"}}')
    return folder


def test_records_of_all_runs_are_kept(tmp_path):
    first = [
        Record.of('sub-01', 'started'),
        Record.of('sub-02_ses-a', 'failed', 'no\troom\nleft', '20250101T000000-a-1'),
    ]
    write_records(tmp_path / 'logs' / '20260101T000000-a-1', first)
    write_records(tmp_path / 'logs' / '20260101T000001-a-1', [Record.of('sub-01', 'done')])
    records = read_records(tmp_path)
    assert records == {
        'sub-01': [Record('sub-01', None, 'started'), Record('sub-01', None, 'done')],
        'sub-02_ses-a': [
            Record('sub-02', 'ses-a', 'failed', 'no room left', '20250101T000000-a-1')
        ],
    }
    assert records['sub-02_ses-a'][0].label == 'sub-02_ses-a'


def test_a_log_without_records_is_passed_over(tmp_path):
    (tmp_path / 'logs' / '20250101T000000-1').mkdir(parents=True)
    assert read_records(tmp_path) == {}
    assert read_records(tmp_path / 'nowhere') == {}


def test_run_folders_sort_by_time_and_name_host_and_process(tmp_path):
    folder = make_run_folder(tmp_path / 'logs')
    assert folder.parent == tmp_path / 'logs'
    assert re.fullmatch(r'\d{8}T\d{6}-[A-Za-z0-9]+-\d+', folder.name)


def test_tasks_that_look_alike_do_not_share_a_folder(tmp_path):
    """Three containers, all of them process 1 of one host, in one second."""
    folders = [make_run_folder(tmp_path / 'logs') for _ in range(3)]
    assert len(set(folders)) == 3
    assert sorted(folders) == folders


def test_only_the_participants_of_a_run_are_kept(tmp_path, raw):
    keep_participants(tmp_path / 'logs' / '1', raw, ['01', '02'])
    keep_participants(tmp_path / 'logs' / '2', raw, ['77'])
    assert not (tmp_path / 'logs' / '2').exists()
    kept = read_participants(tmp_path)
    assert kept.columns == ['age', 'sex']
    assert {name: row['age'] for name, row in kept.rows.items()} == {
        'sub-01': '61',
        'sub-02': 'n/a',
    }
    assert kept.descriptions == {'age': {'Units': 'year'}}


def test_what_a_later_run_says_of_a_participant_holds(tmp_path, raw):
    keep_participants(tmp_path / 'logs' / '1', raw, ['01'])
    (raw / 'participants.tsv').write_text('participant_id\tage\tsite\nsub-01\t62\tA\n')
    (raw / 'participants.json').write_bytes(b'{"damaged": "\xe9')
    keep_participants(tmp_path / 'logs' / '2', raw, ['01'])
    kept = read_participants(tmp_path)
    assert kept.columns == ['age', 'sex', 'site']
    assert kept.rows['sub-01'] == {'participant_id': 'sub-01', 'age': '62', 'site': 'A'}
    assert kept.descriptions == {'age': {'Units': 'year'}}


def test_a_dataset_that_says_nothing_leaves_nothing(tmp_path):
    keep_participants(tmp_path / 'logs' / '1', tmp_path, ['01'])
    nothing = read_participants(tmp_path)
    assert (nothing.columns, nothing.rows, nothing.descriptions) == ([], {}, {})
