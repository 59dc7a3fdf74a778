"""What the log of a job says of its end."""

from __future__ import annotations

import pytest

from deepmir_bids.bids.cluster_job import END_BYTES, this_task, why_it_ended

#: As SLURM 22.05 and later, and bash, leave them.
CANCELLED = 'slurmstepd-node1: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-26T21:17:53 ***'
TIME = CANCELLED.removesuffix('***') + 'DUE TO TIME LIMIT ***'
NODE = CANCELLED.removesuffix('***') + 'DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***'
ENFORCED = (
    f'slurmstepd: error: StepId=6.batch exceeded memory limit (9 > 8), being killed\n{CANCELLED}'
)
CGROUP = (
    'slurmstepd: error: Detected 1 oom-kill event(s) in StepId=6.batch. Some of your processes '
    'may have been killed by the cgroup out-of-memory handler.'
)
KERNEL = '/var/spool/slurmd/job00005/slurm_script: line 36:  2783 Killed     "${deepmir[@]}" x'


@pytest.fixture
def log(tmp_path):
    """Return a function that writes the log of task 12_3."""
    path = tmp_path / 'logs' / 'slurm' / '12_3.txt'
    path.parent.mkdir(parents=True)
    return path.write_text


@pytest.mark.parametrize(
    ('said', 'why'),
    [
        (TIME, 'its job ran out of time: give it more with --time'),
        (CANCELLED, 'its job was cancelled: run deepmir on it again'),
        (NODE, 'its node failed: run deepmir on it again'),
        *((said, 'for want of memory') for said in (ENFORCED, CGROUP, KERNEL)),
    ],
)
def test_the_end_of_the_log_tells(tmp_path, log, said, why):
    log(f'sub-01 on node1, job 12_3\n{said}\ndeepmir: stopped by SIGTERM\n')
    assert why in why_it_ended(tmp_path, '12_3')


def test_what_nobody_can_know_is_not_made_up(tmp_path, log):
    log(f'{TIME}\n' + 'x' * END_BYTES)
    assert why_it_ended(tmp_path, '12_3') is None
    assert why_it_ended(tmp_path, '12_4') is None
    assert why_it_ended(tmp_path, None) is None


def test_a_task_leads_to_no_other_folder(tmp_path, log):
    (tmp_path / '1_2.txt').write_text(TIME)
    log(TIME)
    assert why_it_ended(tmp_path, '../../1_2') is None


def test_a_task_knows_itself(monkeypatch):
    for name in ('SLURM_ARRAY_JOB_ID', 'SLURM_ARRAY_TASK_ID'):
        monkeypatch.setenv(name, '')
    assert this_task() is None
    monkeypatch.setenv('SLURM_ARRAY_JOB_ID', '12')
    monkeypatch.setenv('SLURM_ARRAY_TASK_ID', '3')
    assert this_task() == '12_3'
