"""Whatever ends a job before its time: its unit says what, and ``--failed`` does what is left.

No machine has to be full for that: SLURM itself looks after the memory of a job, and the kernel's
way of doing so, a SIGKILL, is what one step gets.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from deepmir_bids.group.finished_units import known_units
from deepmir_bids.simulation.simulated_dataset import create_dataset

pytestmark = pytest.mark.slurm

CPUS = 4
MORE_CONF = """\
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=3
"""
FAULTS = {
    '02': 'os.kill(os.getpid(), 9)',
    '03': '[bytearray(2 * 10**9), time.sleep(600)]',
    '04': 'wait',
    '05': 'wait',
}
OUT_OF_MEMORY = 'its job was killed, probably for want of memory: give it more with --mem-gb'
#: Why each unit failed in the end.
REASONS = {
    'sub-02': OUT_OF_MEMORY,
    'sub-03': OUT_OF_MEMORY,
    'sub-04': 'its job ran out of time: give it more with --time',
    'sub-05': 'its job was cancelled: run deepmir on it again',
}


@pytest.fixture(scope='module')
def cohort(tmp_path_factory, write_noise) -> Path:
    """Seven participants; the first job has five of them."""
    root = tmp_path_factory.mktemp('cohort') / 'raw data'
    create_dataset(root)
    for n in range(1, 8):
        write_noise(root, f'{n:02d}')
    return root


@pytest.fixture(scope='module')
def out(cluster, cohort, fake_venv, wait_until, tmp_path_factory) -> Path:
    """Outputs of six participants: one is done, four end before their time, and one never began.

    Nobody submitted the seventh.
    """
    out = tmp_path_factory.mktemp('run') / 'the outputs'
    for label, task in FAULTS.items():
        (fake_venv / f'sub-{label}.predict').write_text(task)
    asked = ['--participant-label', *(f'{n:02d}' for n in range(1, 7))]
    said = cluster.submit(cohort, out, fake_venv, *asked, '--mem-gb', '1')
    first, second, group = re.findall(r'^job (\d+)', said, re.M)
    wait_until(lambda: all(at_work(fake_venv, label) for label in ('04', '05')), 60)
    # As if its ten minutes were over.
    cluster.run('scontrol', 'update', f'JobId={first}_4', 'EndTime=now+1')
    cluster.run('scancel', f'{first}_5', second)
    # The group level waits for the others all the same.
    assert cluster.queue()[f'{first}_4'] == 'RUNNING'
    assert cluster.queue()[group] == 'PENDING'
    cluster.wait(120)
    return out


def at_work(folder: Path, label: str) -> bool:
    """Whether the step of a unit has begun."""
    return (folder / f'sub-{label}.predict.pid').exists()


def states(out: Path) -> Counter:
    return Counter(unit.record.status for unit in known_units(out))


def test_each_unit_says_what_ended_its_job(out):
    known = {unit.record.label: unit.record for unit in known_units(out)}
    assert {label: r.reason for label, r in known.items() if r.status == 'failed'} == REASONS
    assert states(out) == {'done': 1, 'failed': 4}
    (log,) = (out / 'logs' / 'slurm').glob('*_group.txt')
    assert '5 participants, 1 done, 4 failed' in log.read_text()
    assert all(f'failed: {label}: {why}\n' in log.read_text() for label, why in REASONS.items())


def test_no_result_is_half(out):
    assert {path.name for path in out.glob('sub-*')} == {'sub-01', 'sub-01.html'}
    assert {path.name for path in out.glob('.*')} == {'.bidsignore'}


def test_what_is_left_is_done_though_a_node_is_drained_and_fails(
    out, cluster, cohort, fake_venv, wait_until
):
    for path in fake_venv.glob('*.predict*'):
        path.unlink()
    for label in ('04', '05'):
        (fake_venv / f'sub-{label}.predict').write_text('wait')
    said = cluster.submit(cohort, out, fake_venv, '--failed', '--mem-gb', '1')
    assert '5 of 7 tasks to run' in said
    job, group = re.findall(r'^job (\d+)', said, re.M)
    wait_until(lambda: all(at_work(fake_venv, label) for label in ('04', '05')), 60)

    # A drained node ends what it has begun; one that fails gives it back to the queue.
    nodes = cluster.run('squeue', '-h', '-j', f'{job}_3,{job}_4', '-o', '%N').split()
    assert nodes[0] == nodes[1]
    node = f'NodeName={nodes[0]}'
    cluster.run('scontrol', 'update', node, 'State=DRAIN', 'Reason=test')
    (fake_venv / 'sub-05.predict').unlink()
    wait_until(lambda: f'{job}_4' not in cluster.queue(), 30)
    (fake_venv / 'sub-04.predict.pid').unlink()
    cluster.run('scontrol', 'update', node, 'State=DOWN', 'Reason=test')
    wait_until(lambda: cluster.queue()[f'{job}_3'] == 'PENDING', 30)
    assert cluster.queue()[group] == 'PENDING'
    # SLURM would wait for two minutes.
    cluster.run('scontrol', 'update', f'JobId={job}_3', 'StartTime=now')
    wait_until(lambda: at_work(fake_venv, '04'), 60)
    (fake_venv / 'sub-04.predict').unlink()
    cluster.wait(60)

    assert states(out) == {'done': 6}
    log = max((out / 'logs' / 'slurm').glob('*_group.txt'), key=lambda path: path.stat().st_mtime)
    assert '6 participants, 6 done, 0 failed' in log.read_text()
    assert list(cluster.disk.iterdir()) == []
    assert 'Nothing to submit' in cluster.submit(cohort, out, fake_venv, '--failed')
