"""Whatever ends a run or one of its processes: a word on it, the right status, nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import fake_run
from faults.watching import left

from deepmir_bids.bids.run_records import read_records

FAKE = Path(fake_run.__file__)


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a run in a session of its own."""
    started = []

    def run(units: int, processes: int, **tasks: str) -> subprocess.Popen:
        for name, task in tasks.items():
            (tmp_path / f'sub-{name[1:3]}.{name[4:]}').write_text(task)
        process = subprocess.Popen(
            [sys.executable, FAKE, tmp_path, str(units), str(processes)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def at_work(folder: Path, unit: str, step: str = 'predict') -> int:
    """Process that carries out a step, once it is at it."""
    path = folder / f'sub-{unit}.{step}.pid'
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(path.read_text())


def states(folder: Path) -> list[str]:
    return [records[-1].status for records in read_records(folder / 'out').values()]


@pytest.mark.slow
def test_a_killed_worker_costs_its_unit_alone(tmp_path, start):
    run = start(4, 2, _02_predict='wait')
    os.kill(at_work(tmp_path, '02'), signal.SIGKILL)
    began = time.monotonic()
    said, _ = run.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert run.returncode == 1, said
    assert '3 of 4 units done' in said
    assert said.count('failed: ') == 1
    assert 'failed: sub-02: was killed, probably for want of memory' in said
    assert '--nprocs or --mem-gb' in said
    assert states(tmp_path) == ['done', 'failed', 'done', 'done']
    assert left(run.pid) == []


@pytest.mark.slow
@pytest.mark.parametrize('processes', [1, 2])
def test_want_of_memory_is_told_in_the_same_words(tmp_path, start, processes):
    torch = 'DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes'
    run = start(
        3,
        processes,
        _01_predict='(_ for _ in ()).throw(MemoryError())',
        _02_predict=f'(_ for _ in ()).throw(RuntimeError({torch!r}))',
    )
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert said.count('was killed, probably for want of memory') == 2
    assert '1 of 3 units done' in said


@pytest.mark.slow
@pytest.mark.parametrize('processes', [1, 2])
@pytest.mark.parametrize(
    ('number', 'whole', 'status', 'words'),
    [
        (signal.SIGINT, True, 130, 'deepmir: stopped; the same command goes on from here.'),
        (signal.SIGTERM, False, 143, 'deepmir: stopped by SIGTERM; the same command goes on'),
    ],
)
def test_a_run_that_is_stopped(tmp_path, start, processes, number, whole, status, words):
    """By the terminal, which tells all its processes, or by another process."""
    run = start(2, processes, _01_load_swi='wait', _02_load_swi='wait')
    at_work(tmp_path, '01', 'load_swi')
    (os.killpg if whole else os.kill)(run.pid, number)
    said, _ = run.communicate(timeout=20)
    assert run.returncode == status, said
    assert words in said.splitlines()[-1]
    assert 'Traceback' not in said
    assert 'failed' not in said
    assert states(tmp_path) == ['started', 'started']
    assert left(run.pid) == []
    assert not (tmp_path / 'work' / '.deepmir').exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ('processes', 'number'), [(1, signal.SIGINT), (2, signal.SIGTERM), (2, signal.SIGKILL)]
)
def test_no_process_outlives_a_run_that_is_killed(tmp_path, start, monkeypatch, processes, number):
    """Nor its file, of a step that waits for ANTs."""
    monkeypatch.setenv('TMPDIR', str(tmp_path / 'tmp'))
    (tmp_path / 'tmp').mkdir()
    run = start(1, processes, _01_predict='ants')
    at_work(tmp_path, '01')
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob('tmp/deepmir-ants-*')) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(4)
    os.kill(run.pid, number)
    run.communicate(timeout=20)
    assert left(run.pid) == []
    assert list(tmp_path.glob('tmp/*')) == []


@pytest.mark.slow
def test_what_a_killed_run_left_the_next_one_takes(tmp_path, start):
    run = start(2, 2, _02_predict='wait')
    at_work(tmp_path, '02')
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    (tmp_path / 'sub-02.predict').unlink()
    again = start(2, 2)
    said, _ = again.communicate(timeout=60)
    assert again.returncode == 0, said
    assert '2 of 2 units done' in said
    assert not (tmp_path / 'work' / '.deepmir').exists()
