"""The scripts, run by bash with a deepmir and a SLURM that only say how they are called."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from deepmir_bids.cluster.slurm_scripts import (
    Resources,
    Runner,
    expand,
    submitted_tasks,
    write_scripts,
)

SAYS_ARGUMENTS = '#!/bin/sh\nprintf "%s|" "$@"\necho\n'


@pytest.fixture
def program(tmp_path):
    """Return a function that puts a program of that name into a folder."""

    def write(name: str, text: str = SAYS_ARGUMENTS) -> Path:
        path = tmp_path / 'my programs' / 'bin' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def scripts(tmp_path):
    """Return a function that writes the scripts of three tasks, in folders with spaces."""

    def write(runner: Runner, resources: Resources | None = None, **changes) -> Path:
        values = {'work_dir': '$NODE/my work', 'options': ['--by', "the doctor's sex"]} | changes
        return write_scripts(
            ['sub-01', 'sub-02_ses-a', 'sub-02_ses-b'],
            tmp_path / 'raw data',
            tmp_path / 'the outputs',
            runner,
            resources or Resources(),
            **values,
        )

    return write


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ['bash', str(script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def task(script: Path, index: int, tmp_path: Path, first: str = '0', **more: str) -> list[str]:
    """Arguments that deepmir is given by one task of the array."""
    ids = {'SLURM_ARRAY_TASK_ID': str(index), 'SLURM_ARRAY_JOB_ID': '7'}
    done = run(script, first, NODE=str(tmp_path / 'node'), **ids, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split('|')[:-1]


def test_a_task_runs_its_line_of_the_list(scripts, program, tmp_path):
    folder = scripts(Runner(venv=program('deepmir').parents[1]), Resources(cpus=3, mem_gb=5))
    bids, out, level, *options = task(folder / 'participant.sh', 1, tmp_path, '1')
    assert (bids, out, level) == (
        str(tmp_path / 'raw data'),
        str(tmp_path / 'the outputs'),
        'participant',
    )
    work = options.pop(options.index('--work-dir') + 1)
    host = socket.gethostname()
    assert work.startswith(f'{tmp_path}/node/my work/deepmir-{host}-sub-02_ses-a-')
    assert options == [
        *('--participant-label', '02', '--session-label', 'a', '--work-dir'),
        *('--nprocs', '3', '--mem-gb', '5', '--by', "the doctor's sex"),
    ]
    assert '--session-label' not in task(folder / 'participant.sh', 1, tmp_path)


def test_a_task_leaves_nothing_on_its_node(scripts, program, tmp_path):
    busy = '#!/bin/sh\ntouch "$TMPDIR/file"\nls -A "$TMPDIR"\nexit 1\n'
    folder = scripts(Runner(venv=program('deepmir', busy).parents[1]))
    ids = {'SLURM_ARRAY_TASK_ID': '1', 'SLURM_ARRAY_JOB_ID': '7'}
    done = run(folder / 'participant.sh', '0', NODE=str(tmp_path / 'node'), **ids)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == 'file'
    assert list((tmp_path / 'node' / 'my work').iterdir()) == []


def test_a_task_clears_away_what_killed_ones_left_and_no_more(scripts, program, tmp_path):
    """A task that runs, and the folder of another program, are left alone."""
    works = program('deepmir', '#!/bin/sh\necho begun\nread line\n')
    folder = scripts(Runner(venv=works.parents[1]))
    node = tmp_path / 'node' / 'my work'
    others = node / f'deepmir-{socket.gethostname()}-notes'
    others.mkdir(parents=True)
    environment = {**os.environ, 'NODE': str(node.parent), 'SLURM_ARRAY_JOB_ID': '7'}
    environment['SLURM_ARRAY_TASK_ID'] = '1'

    def start() -> tuple[subprocess.Popen, set]:
        known = set(node.iterdir())
        task = subprocess.Popen(
            ['bash', folder / 'participant.sh', '0'],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert [task.stdout.readline() for _ in range(2)][-1] == 'begun\n'
        return task, set(node.iterdir()) - known

    (running, its_folder), (killed, left) = start(), start()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert set(node.iterdir()) == {others} | its_folder | left
    third, new = start()
    assert set(node.iterdir()) == {others} | its_folder | new
    for task in (running, third):
        task.communicate('end\n')
    assert list(node.iterdir()) == [others]


def test_the_header_says_what_is_wanted(scripts, program, tmp_path):
    resources = Resources(
        cpus=3, mem_gb=5, time='2-00', partition='long', account='lab', sbatch=('--qos=low',)
    )
    folder = scripts(Runner(venv=program('deepmir').parents[1]), resources)
    for name in ('participant.sh', 'group.sh'):
        lines = (folder / name).read_text().splitlines()
        header = lines[: lines.index('set -euo pipefail')]
        wanted = {line.removeprefix('#SBATCH ') for line in header if line.startswith('#SBATCH')}
        assert wanted >= {
            *('--cpus-per-task=3', '--mem=5G', '--time=2-00', '--partition=long'),
            *('--account=lab', '--qos=low'),
        }
    _, _, level, *options = run(folder / 'group.sh').stdout.strip().split('|')[:-1]
    assert (level, options) == ('group', ['--by', "the doctor's sex"])


def test_a_container_sees_what_it_needs(scripts, program, tmp_path):
    path = f'{program("apptainer").parent}:{os.environ["PATH"]}'
    image, binds = tmp_path / 'my deepmir.sif', (tmp_path / 'raw data', tmp_path / 'the outputs')
    folder = scripts(Runner(image=image, nv=True, binds=binds))
    command = task(folder / 'participant.sh', 1, tmp_path, PATH=path)
    assert command[:3] == ['run', '--cleanenv', '--nv']
    end = command.index(str(image))
    seen = [command[i + 1] for i in range(end) if command[i] == '--bind']
    assert seen == [*map(str, binds), command[command.index('--work-dir') + 1]]
    # Of its environment, which job it is: locks and records are by that.
    told = [command[i + 1] for i in range(end) if command[i] == '--env']
    assert {'SLURM_ARRAY_JOB_ID=7', 'SLURM_ARRAY_TASK_ID=1', 'SLURM_RESTART_COUNT='} <= {*told}
    assert command[end + 3] == 'participant'


def test_without_a_container_program_a_task_says_so(scripts, tmp_path):
    folder = scripts(Runner(image=tmp_path / 'x.sif'))
    done = run(folder / 'group.sh', PATH='/usr/bin:/bin')
    assert done.returncode == 2
    assert 'load its module' in done.stderr


@pytest.mark.parametrize(
    ('size', 'arrays'),
    [(1001, ['1-3%2 0']), (3, ['1-2%2 0', '1-1%2 2']), (2, ['1-1%2 0', '1-1%2 1', '1-1%2 2'])],
)
def test_lists_longer_than_an_array_become_several(scripts, program, tmp_path, size, arrays):
    log = tmp_path / 'log'
    program('scontrol', f'#!/bin/sh\necho "MaxArraySize            = {size}"\n')
    sbatch = program(
        'sbatch', f'#!/bin/sh\necho "$*" >>"{log}"\necho "$(wc -l <"{log}");cluster"\n'
    )
    folder = scripts(Runner(venv=tmp_path), Resources(array_limit=2))
    done = run(folder / 'submit.sh', PATH=f'{sbatch.parent}:{os.environ["PATH"]}')
    assert done.returncode == 0, done.stderr
    calls = log.read_text().splitlines()
    for number, (call, array) in enumerate(zip(calls, arrays, strict=False)):
        after = f'--dependency=afterany:{number} ' if number else ''
        limit, first = array.split()
        assert call == f'--parsable {after}--array={limit} participant.sh {first}'
    # The group level waits for them all: an array that is cancelled has ended, too.
    every = ':'.join(str(number + 1) for number in range(len(arrays)))
    assert calls[len(arrays) :] == [f'--parsable --dependency=afterany:{every} group.sh']
    assert submitted_tasks(folder.parents[1]) == {'sub-01', 'sub-02_ses-a', 'sub-02_ses-b'}


@pytest.mark.parametrize('answer', ['exit 1', 'echo "MaxArraySize = 0"', 'echo nothing'])
def test_nothing_is_submitted_where_slurm_has_no_arrays(scripts, program, tmp_path, answer):
    program('scontrol', f'#!/bin/sh\n{answer}\n')
    sbatch = program('sbatch', f'#!/bin/sh\ntouch "{tmp_path}/called"\n')
    folder = scripts(Runner(venv=tmp_path))
    done = run(folder / 'submit.sh', PATH=f'{sbatch.parent}:{os.environ["PATH"]}')
    assert done.returncode != 0
    assert not (tmp_path / 'called').exists()


def test_each_submission_has_its_own_list(scripts, tmp_path):
    first, second = scripts(Runner(venv=tmp_path)), scripts(Runner(venv=tmp_path))
    assert first != second
    assert (first / 'units.txt').read_text() == 'sub-01\nsub-02_ses-a\nsub-02_ses-b\n'


@pytest.mark.parametrize(
    ('text', 'becomes'),
    [
        ('$NODE/x', '/n o/x'),
        ('${GONE:-/tmp}', '/tmp'),
        ('a "b" \\ `c` $(echo d)', 'a "b" \\ `c` $(echo d)'),
    ],
)
def test_only_variables_are_expanded_on_the_node(text, becomes):
    done = subprocess.run(
        ['bash', '-c', f'printf %s {expand(text)}'],
        env={'NODE': '/n o'},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == becomes
