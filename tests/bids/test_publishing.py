"""Results appear whole, and never from two runs."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context
from pathlib import Path

import pytest

from deepmir_bids.bids import publishing
from deepmir_bids.bids.finished_results import has_results, read_results
from deepmir_bids.bids.publishing import finish_all, is_unfinished, publish
from deepmir_bids.bids.unit_locks import UnitLocks
from deepmir_bids.errors import InputError

FORK = get_context('fork')


@pytest.fixture
def stage(tmp_path):
    """Return a function that makes files of a run, each in a node's folder of its own."""

    def make(run, *names):
        paths = []
        for node, name in enumerate(names):
            # A folder above that looks like a participant must not confuse anyone.
            path = tmp_path / 'sub-study' / run / str(node) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(run)
            paths.append(path)
        return paths

    return make


MASK = 'sub-01/anat/sub-01_acq-x_space-SWI_label-CMB_desc-deepmir_mask.nii.gz'
TABLE = 'sub-01/anat/sub-01_acq-x_space-SWI_seg-deepmir_desc-lesions_dseg.tsv'
CHI = 'sub-01/anat/sub-01_space-SWI_desc-preproc_Chimap.nii.gz'
SIDECAR = 'sub-01/anat/sub-01_space-SWI_desc-preproc_Chimap.json'
XFM = 'sub-01/anat/sub-01_from-SWI_to-MNI_mode-image_xfm.h5'
FIGURE = 'sub-01/figures/sub-01_space-SWI_desc-brain_mask.png'
OTHER = 'sub-01/ses-a/anat/sub-01_ses-a_space-SWI_desc-brain_mask.nii.gz'


def contents(out):
    return {str(p.relative_to(out)): p.read_text() for p in out.rglob('*') if p.is_file()}


def test_a_second_run_replaces_all_of_the_first(tmp_path, stage):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE, CHI, SIDECAR, XFM, FIGURE, 'sub-01.html'), out, 'sub-01')
    publish(stage('one', OTHER), out, 'sub-01_ses-a')
    publish(stage('two', MASK, TABLE), out, 'sub-01')
    assert contents(out) == {MASK: 'two', TABLE: 'two', OTHER: 'one'}


def test_what_another_tool_left_beside_is_never_deleted(tmp_path, stage):
    out = tmp_path / 'out'
    theirs = {
        f'sub-01/anat/sub-01_{name}': 'theirs'
        for name in (
            'desc-preproc_T1w.nii.gz',
            'desc-preproc_T1w.json',
            'Chimap.nii.gz',
            'desc-brain_mask.nii.gz',
            'from-T1w_to-MNI_mode-image_xfm.h5',
        )
    } | {'sub-01/figures/sub-01_desc-sdc_bold.svg': 'theirs'}
    for name, content in theirs.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(content)
    publish(stage('one', MASK, TABLE, FIGURE), out, 'sub-01')
    publish(stage('two', MASK), out, 'sub-01')
    assert contents(out) == {**theirs, MASK: 'two'}


def test_a_second_run_keeps_the_review_of_a_reader(tmp_path, stage):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE), out, 'sub-01')
    review = out / 'sub-01/anat/sub-01_desc-review_dseg.tsv'
    review.write_text('hours of work')
    publish(stage('two', MASK), out, 'sub-01')
    assert contents(out) == {MASK: 'two', str(review.relative_to(out)): 'hours of work'}


def test_a_full_disk_leaves_the_earlier_results(tmp_path, stage, monkeypatch):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE), out, 'sub-01')

    def copy_one_and_fail(source, target):
        if target.suffix == '.tsv':
            raise OSError(28, 'No space left on device')
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr('shutil.copyfile', copy_one_and_fail)
    with pytest.raises(OSError, match='No space left'):
        publish(stage('two', MASK, TABLE), out, 'sub-01')
    assert contents(out) == {MASK: 'one', TABLE: 'one'}


def test_every_file_is_on_the_disk_before_it_is_decided_on(tmp_path, stage, monkeypatch):
    on_disk, decided = set(), []
    fsync, rename = os.fsync, os.rename

    def note_and_sync(number):
        on_disk.add(os.fstat(number).st_ino)
        fsync(number)

    def look_and_rename(source, target):
        files = [path for path in Path(source).rglob('*') if path.is_file()]
        decided.extend(path.name for path in files if path.stat().st_ino in on_disk)
        assert len(decided) == len(files)
        rename(source, target)

    monkeypatch.setattr(os, 'fsync', note_and_sync)
    monkeypatch.setattr(os, 'rename', look_and_rename)
    publish(stage('one', MASK, TABLE), tmp_path / 'out', 'sub-01')
    assert sorted(decided) == sorted([Path(MASK).name, Path(TABLE).name, 'journal.json'])


def _dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def _publish_and_die(call, after, staged, out):
    """Publish, and be killed when ``call`` of os is made for the given time."""
    real, made = getattr(os, call), []

    def counted(*arguments, **named):
        made.append(arguments)
        if len(made) > after:
            _dies()
        return real(*arguments, **named)

    setattr(os, call, counted)
    publish(staged, out, 'sub-01')


@pytest.fixture
def killed(tmp_path, stage):
    """Return a function that publishes over earlier results and is killed on the way."""

    def run(call, after):
        out = tmp_path / 'out'
        publish(stage('one', MASK, TABLE, XFM, 'sub-01.html'), out, 'sub-01')
        staged = stage('two', MASK, TABLE, CHI, 'sub-01.html')
        process = FORK.Process(target=_publish_and_die, args=(call, after, staged, out))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        return out

    return run


OLD = {MASK: 'one', TABLE: 'one', XFM: 'one', 'sub-01.html': 'one'}
NEW = {MASK: 'two', TABLE: 'two', CHI: 'two', 'sub-01.html': 'two'}


@pytest.mark.parametrize(
    ('call', 'after', 'then'),
    [
        ('fsync', 2, OLD),
        ('rename', 0, OLD),
        ('replace', 0, NEW),
        ('replace', 2, NEW),
        ('unlink', 0, NEW),
        ('rmdir', 0, NEW),
    ],
)
def test_a_run_killed_at_any_moment_leaves_one_result(killed, call, after, then):
    out = killed(call, after)
    half = {name: text for name, text in contents(out).items() if '.deepmir' not in name}
    assert set(half) >= set(OLD) & set(then)  # nothing is ever gone that will be there again
    assert is_unfinished(out, 'sub-01') == (half != then)
    finish_all(out)
    assert contents(out) == then
    assert not is_unfinished(out, 'sub-01')
    assert not (out / '.deepmir').exists()


def test_the_next_run_finishes_what_a_killed_one_began(killed, stage):
    out = killed('replace', 1)
    publish(stage('three', MASK), out, 'sub-01')
    finish_all(out)
    assert contents(out) == {MASK: 'three'}
    assert not (out / '.deepmir').exists()


def test_results_that_are_being_put_in_place_are_no_results(killed, stage):
    out = killed('replace', 1)
    with pytest.raises(InputError, match='was killed as it wrote'):
        read_results(out, 'sub-01')
    assert not has_results(out, 'sub-01')


def _publish_often(staged, out, times):
    for _ in range(times):
        publish(staged, out, 'sub-01')


def test_two_runs_at_once_lose_nothing(tmp_path, stage):
    out = tmp_path / 'out'
    names = [MASK, TABLE, XFM, FIGURE, 'sub-01.html']
    publish(stage('zero', *names), out, 'sub-01')
    runs = [
        FORK.Process(target=_publish_often, args=(stage(run, *names), out, 25))
        for run in ('one', 'two', 'three')
    ]
    for run in runs:
        run.start()
    while any(run.is_alive() for run in runs):
        assert all((out / name).is_file() for name in names)
    assert [run.exitcode for run in runs] == [0, 0, 0]
    last = contents(out)
    assert set(last) == set(names)
    assert len(set(last.values())) == 1


def test_a_run_that_does_not_come_to_an_end_is_named(tmp_path, stage, monkeypatch):
    monkeypatch.setattr(publishing, 'WAIT_S', 0.1)
    out = tmp_path / 'out'
    publish(stage('one', MASK), out, 'sub-01')
    with UnitLocks(out / '.deepmir') as other:
        other.take('sub-01')
        said = f'sub-01 in .* is being written by process {os.getpid()} on '
        with pytest.raises(InputError, match=said):
            publish(stage('two', MASK), out, 'sub-01')
    assert contents(out) == {MASK: 'one'}
