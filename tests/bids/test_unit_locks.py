"""One process at a time, whatever became of the ones before it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from deepmir_bids.bids import unit_locks
from deepmir_bids.bids.living_process import is_alive, mark
from deepmir_bids.bids.unit_locks import LockedError, UnitLocks

HOLD = """
import sys, time
from pathlib import Path
from deepmir_bids.bids.unit_locks import UnitLocks
with UnitLocks(Path(sys.argv[1])) as locks:
    locks.take('sub-01')
    print('taken', flush=True)
    time.sleep(60)
"""
#: A process of a machine that cannot be asked.
ELSEWHERE = '00000000-12-345-abcdef01'


@pytest.fixture
def holder(tmp_path):
    """A process that has the lock of sub-01."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(tmp_path / 'locks')], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == 'taken\n'
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Return a function that makes a lock of another machine, held by a job of a scheduler."""
    monkeypatch.setattr(unit_locks, 'SILENCE_S', 0.3)
    monkeypatch.delenv('SLURM_JOB_ID', raising=False)

    def lock(job=None):
        path = tmp_path / 'locks' / 'sub-01.lock'
        path.parent.mkdir()
        owner = {'token': ELSEWHERE, 'process': 'process 12 on far', 'job': job, 'restarts': 0}
        path.write_text(json.dumps(owner))
        return path

    return lock


def test_this_process_is_alive_and_a_dead_one_is_known():
    child = subprocess.Popen(['sleep', '60'])
    other = mark().split('-')
    start = Path(f'/proc/{child.pid}/stat').read_text().rpartition(')')[2].split()[19]
    other = f'{other[0]}-{child.pid}-{start}'
    assert is_alive(mark())
    assert is_alive(f'.a.txt.{other}.xy')
    assert is_alive(f'{other}0') is False  # its number was given to another process
    child.kill()
    child.wait()
    assert is_alive(other) is False
    assert is_alive(ELSEWHERE) is None


def test_a_lock_is_given_back_and_nothing_is_left(tmp_path):
    with UnitLocks(tmp_path / 'locks') as locks:
        locks.take('sub-01')
        locks.take('sub-02')
        locks.release('sub-01')
        locks.take('sub-01')
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_is_named(tmp_path, holder):
    with UnitLocks(tmp_path / 'locks') as locks:
        locks.take('sub-02')
        with pytest.raises(LockedError, match=f'process {holder.pid} on '):
            locks.take('sub-01', wait_s=0.1)
    assert holder.poll() is None


def test_the_lock_of_a_killed_process_is_taken_at_once(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with UnitLocks(tmp_path / 'locks') as locks:
        began = time.monotonic()
        locks.take('sub-01')
        assert time.monotonic() - began < 1
        locks.sweep()
    assert list(tmp_path.iterdir()) == []


def test_a_process_elsewhere_is_dead_when_it_is_silent(tmp_path, elsewhere):
    elsewhere()
    with UnitLocks(tmp_path / 'locks') as locks:
        locks.take('sub-01')
        assert locks.has('sub-01')
    assert list(tmp_path.iterdir()) == []


def test_a_process_elsewhere_is_alive_while_it_touches_its_file(tmp_path, elsewhere):
    """Whatever its clock says."""
    path = elsewhere()
    ended = threading.Event()

    def pulse():
        while not ended.wait(0.1):
            os.utime(path, ns=(time.monotonic_ns(),) * 2)

    thread = threading.Thread(target=pulse)
    thread.start()
    with UnitLocks(tmp_path / 'locks') as locks, pytest.raises(LockedError, match='12 on far'):
        locks.take('sub-01', wait_s=0.6)
    ended.set()
    thread.join()


def test_a_job_that_was_started_again_need_not_wait(tmp_path, elsewhere, monkeypatch):
    monkeypatch.setattr(unit_locks, 'SILENCE_S', 60)
    elsewhere(job='77')
    monkeypatch.setenv('SLURM_JOB_ID', '77')
    monkeypatch.setenv('SLURM_RESTART_COUNT', '1')
    with UnitLocks(tmp_path / 'locks') as locks:
        began = time.monotonic()
        locks.take('sub-01')
        assert time.monotonic() - began < 1


def test_owners_show_that_they_are_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(unit_locks, 'PULSE_S', 0.05)
    with UnitLocks(tmp_path / 'locks') as locks:
        locks.take('sub-01')
        path = tmp_path / 'locks' / 'sub-01.lock'
        first = path.stat().st_mtime_ns
        time.sleep(0.3)
        assert path.stat().st_mtime_ns > first


def _count(folder, counter, times, links):
    if not links:
        os.link = _no_links
    for _ in range(times):
        with UnitLocks(folder) as locks:
            locks.take('sub-01', wait_s=60)
            now = int(counter.read_text())
            time.sleep(0.001)
            counter.write_text(str(now + 1))


def _no_links(*_):
    raise PermissionError(1, 'Operation not permitted')


@pytest.mark.parametrize('links', [True, False])
@pytest.mark.parametrize('killed', [True, False])
def test_many_processes_take_turns(tmp_path, holder, links, killed):
    """Also when all of them find that the first owner is dead."""
    if killed:
        holder.kill()
        holder.wait()
    counter = tmp_path / 'counter'
    counter.write_text('0')
    context = get_context('fork')
    arguments = (tmp_path / 'locks', counter, 10, links)
    people = [context.Process(target=_count, args=arguments) for _ in range(6)]
    for one in people:
        one.start()
    if not killed:
        time.sleep(0.2)
        assert counter.read_text() == '0'
        holder.kill()
        holder.wait()
    for one in people:
        one.join()
        assert one.exitcode == 0
    assert counter.read_text() == '60'
    with UnitLocks(tmp_path / 'locks') as locks:
        locks.sweep()
    assert sorted(tmp_path.iterdir()) == [counter]
