"""Which tasks a cohort has, and which of them are left."""

from __future__ import annotations

import pytest

from deepmir_bids.cluster.remaining_tasks import find_tasks, tasks_left
from deepmir_bids.errors import UsageError


def test_a_task_is_a_participant_or_a_session(raw):
    root = raw('sub-01/anat', 'sub-02/ses-a/anat', 'sub-02/ses-b/anat', 'sub-03/swi')
    assert list(find_tasks(root)) == ['sub-01', 'sub-02_ses-a', 'sub-02_ses-b', 'sub-03']
    assert list(find_tasks(root, ('02',), ('b',))) == ['sub-02_ses-b']


def test_images_beside_the_sessions_make_one_task_of_them_all(raw):
    root = raw('sub-01/anat', 'sub-01/ses-a/anat')
    assert find_tasks(root) == {'sub-01': ['sub-01', 'sub-01_ses-a']}
    assert find_tasks(root, sessions=('a',)) == {'sub-01_ses-a': ['sub-01_ses-a']}


def test_who_is_not_there_is_said(raw):
    root = raw('sub-01/anat')
    with pytest.raises(UsageError, match='no participant 7'):
        find_tasks(root, ('7',))
    with pytest.raises(UsageError, match='no session b'):
        find_tasks(root, sessions=('b',))


def test_what_is_done_is_left_out(raw, recorded):
    root = raw(*[f'sub-0{n}/anat' for n in range(1, 7)])
    out = recorded(sub01='done', sub02='failed', sub03='started', sub04='skipped')
    recorded(sub05='done')
    tasks = find_tasks(root)
    assert tasks_left(tasks, out) == ['sub-02', 'sub-03', 'sub-04', 'sub-06']
    # Failed or killed; nobody has tried sub-06 yet.
    assert tasks_left(tasks, out, failed_only=True) == ['sub-02', 'sub-03']


def test_what_was_submitted_and_never_began_counts_as_failed(raw, recorded):
    tasks = find_tasks(raw(*[f'sub-0{n}/anat' for n in range(1, 5)]))
    out = recorded(sub01='done', sub02='skipped')
    for name, labels in (('submitted', ('01', '02', '03')), ('only written', ('04',))):
        (out / 'code' / name).mkdir(parents=True)
        (out / 'code' / name / 'units.txt').write_text(''.join(f'sub-{n}\n' for n in labels))
    (out / 'code' / 'submitted' / 'jobs.txt').touch()
    assert tasks_left(tasks, out, failed_only=True) == ['sub-03']


def test_results_that_went_away_are_made_again(raw, recorded):
    tasks = find_tasks(raw('sub-01/anat'))
    out = recorded(sub01='done')
    next((out / 'sub-01' / 'anat').glob('*_desc-lesions_dseg.tsv')).unlink()
    assert tasks_left(tasks, out) == tasks_left(tasks, out, failed_only=True) == ['sub-01']


def test_a_task_is_done_when_all_its_units_are(raw, recorded):
    tasks = find_tasks(raw('sub-01/anat', 'sub-01/ses-a/anat'))
    out = recorded(sub01='done')
    assert tasks_left(tasks, out) == ['sub-01']
    recorded(sub01_sesa='done')
    assert tasks_left(tasks, out) == []


def test_a_new_output_folder_has_nothing_done(raw, tmp_path):
    tasks = find_tasks(raw('sub-01/anat'))
    assert tasks_left(tasks, tmp_path / 'new') == ['sub-01']
    assert tasks_left(tasks, tmp_path / 'new', failed_only=True) == []
