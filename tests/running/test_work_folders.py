"""``--clean-workdir``: nothing is left of units that are done, and everything of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import faults
import pytest

from deepmir_bids import __version__
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cluster.remaining_tasks import find_tasks, tasks_left
from deepmir_bids.running.work_folders import empty_of
from deepmir_bids.simulation.simulated_dataset import create_dataset

FAKE = Path(faults.__path__[0], 'fake_deepmir.py')


def test_only_the_steps_of_a_unit_are_removed(tmp_path):
    steps = {
        name: tmp_path / name
        for name in (
            'deepmir-0.1.0/deepmir_wf/sub_01_wf/anatomical_wf/register',
            'deepmir-0.0.9/deepmir_wf/sub_01_wf/publish',
            'deepmir-0.1.0/reports_wf/sub_01_wf/publish',
            'deepmir-0.1.0/deepmir_wf/sub_011_wf/publish',
            'deepmir-0.1.0/deepmir_wf/sub_01_ses_a_wf/publish',
        )
    }
    for step in steps.values():
        (step / 'inner').mkdir(parents=True)
        (step / '_node.pklz').touch()
        (step / 'inner' / 'image.nii').touch()
    mine = steps['deepmir-0.0.9/deepmir_wf/sub_01_wf/publish'].with_name('notes') / 'mine.txt'
    also_mine = tmp_path / 'deepmir-mine' / 'sub_01_wf' / '_node.pklz'
    for path in (mine, also_mine):
        path.parent.mkdir(parents=True)
        path.touch()
    empty_of(tmp_path, Unit('01'))
    assert [step.exists() for step in steps.values()] == [False] * 3 + [True] * 2
    assert mine.exists()
    assert also_mine.exists()
    graphs = {path.name for path in (tmp_path / 'deepmir-0.1.0' / 'deepmir_wf').iterdir()}
    assert graphs == {'sub_011_wf', 'sub_01_ses_a_wf'}


@pytest.fixture
def run(tmp_path, write_noise):
    """Return a function that runs three participants and says what it said, and its status."""
    create_dataset(tmp_path / 'raw')
    for label in ('01', '02', '03'):
        write_noise(tmp_path / 'raw', label)

    def start(*options: str) -> tuple[int, str]:
        command = [sys.executable, FAKE, tmp_path, tmp_path / 'raw', tmp_path / 'out']
        command += ['participant', '--work-dir', tmp_path / 'work', *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return start


@pytest.mark.slow
def test_units_that_are_done_leave_nothing_and_stay_done(run, tmp_path):
    steps = tmp_path / 'work' / f'deepmir-{__version__}' / 'deepmir_wf'
    (tmp_path / 'sub-02.predict').write_text('1 / 0')
    status, said = run('--nprocs', '2', '--clean-workdir')
    assert (status, '2 of 3 units done' in said) == (1, True), said
    assert {path.name for path in steps.iterdir() if path.is_dir()} == {'sub_02_wf'}
    assert (steps / 'sub_02_wf' / 'load_swi').is_dir()
    tasks = find_tasks(tmp_path / 'raw')
    assert tasks_left(tasks, tmp_path / 'out') == ['sub-02']

    # In one process, too, the first is done with before the last begins.
    (tmp_path / 'sub-02.predict').unlink()
    seen = f'Path(folder, "seen").write_text(" ".join(os.listdir({str(steps)!r})))'
    (tmp_path / 'sub-03.predict').write_text(seen)
    status, said = run('--nprocs', '1', '--clean-workdir')
    assert (status, '3 of 3 units done' in said) == (0, True), said
    assert {name for name in (tmp_path / 'seen').read_text().split() if name[:3] == 'sub'} == {
        'sub_03_wf'
    }
    assert [path for path in steps.iterdir() if path.is_dir()] == []
    assert tasks_left(tasks, tmp_path / 'out') == []


@pytest.mark.slow
def test_a_work_folder_is_kept_unless_it_is_to_be_emptied(run, tmp_path):
    assert run('--nprocs', '1', '--participant-label', '01')[0] == 0
    assert (tmp_path / 'work' / f'deepmir-{__version__}' / 'deepmir_wf' / 'sub_01_wf').is_dir()
    (tmp_path / 'graph.yml').write_text('plugin: SLURMGraph')
    options = ['--use-plugin', str(tmp_path / 'graph.yml'), '--clean-workdir']
    status, said = run(*options)
    assert status == 2
    assert '--clean-workdir does not go with SLURMGraph' in said
