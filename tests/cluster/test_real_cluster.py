"""A cohort on a real SLURM cluster of two nodes, both of them this machine.

Needs root, and the packages slurm-wlm and munge. The daemons live in a temporary folder, and end
with the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deepmir_bids.bids.run_records import Record
from deepmir_bids.group.finished_units import known_units
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

pytestmark = pytest.mark.slurm

#: Arrays may have five tasks: the eighth participant comes in a second one.
SLURM_CONF = """\
ClusterName=deepmir
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
MaxArraySize=6
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=8000
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=8000
PartitionName=all Nodes=node[1-2] Default=YES State=UP
"""
MUNGE = {
    '--key-file': 'munge.key',
    '--socket': 'munge.socket',
    '--pid-file': 'munge.pid',
    '--log-file': 'munge.log',
    '--seed-file': 'munge.seed',
}


@dataclass(frozen=True)
class Cluster:
    """A SLURM cluster; ``disk`` is the local disk of its nodes."""

    environment: dict[str, str]
    disk: Path

    def run(self, *command: str | Path, expect: int | None = 0) -> str:
        """Run a command on the login node, and return what it says."""
        done = subprocess.run(
            list(map(str, command)),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert expect in (done.returncode, None), said
        return said

    def wait(self, seconds: float) -> None:
        """Wait until no job is queued or running."""
        end = time.monotonic() + seconds
        while queue := self.run('squeue', '--noheader'):
            assert time.monotonic() < end, f'not done in {seconds} s:\n{queue}'
            time.sleep(1)


@pytest.fixture(scope='module')
def cluster(tmp_path_factory, compute_node) -> Iterator[Cluster]:
    """A cluster of two nodes with one core each."""
    folder = tmp_path_factory.mktemp('slurm')
    disk = folder / 'local disk'
    for path in (disk, folder / 'state'):
        path.mkdir()
    (folder / 'munge.key').write_bytes(os.urandom(128))
    (folder / 'munge.key').chmod(0o400)
    host = socket.gethostname().split('.')[0]
    text = SLURM_CONF.format(folder=folder, host=host, ports=free_ports(3))
    (folder / 'slurm.conf').write_text(text)
    environment = compute_node(folder / 'home')
    environment |= {'SLURM_CONF': str(folder / 'slurm.conf'), 'TMPDIR': str(disk)}
    made = Cluster(environment, disk)
    munge = [f'{option}={folder / name}' for option, name in MUNGE.items()]
    with ExitStack() as daemons:
        # --force, since the folders of a test are closed to everyone else.
        for name, *options in (
            ['munged', '--foreground', '--force', *munge],
            ['slurmctld', '-D'],
            ['slurmd', '-D', '-N', 'node1'],
            ['slurmd', '-D', '-N', 'node2'],
        ):
            daemons.enter_context(running([name, *options], environment, folder))
        wait_for_nodes(made, 60)
        yield made
        made.run('scancel', '--user=root')
        made.wait(60)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens to."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Keep a daemon running."""
    # Where Debian has them, and not everyone's PATH.
    program = shutil.which(command[0], path=f'{os.environ["PATH"]}:/usr/sbin')
    assert program, f'{command[0]} is not installed: apt-get install slurm-wlm munge'
    with (folder / f'{"-".join(command[:1] + command[-1:])}.said'.replace('/', '_')).open(
        'w'
    ) as said:
        # A session of its own: Ctrl+C must not end the daemons before their jobs.
        process = subprocess.Popen(
            [program, *command[1:]],
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def wait_for_nodes(cluster: Cluster, seconds: float) -> None:
    """Wait until both nodes are idle."""
    end = time.monotonic() + seconds
    states = ''
    while Counter(states.split()) != {'idle': 2}:
        assert time.monotonic() < end, f'the nodes are {states or "not there"}'
        time.sleep(0.5)
        states = cluster.run('sinfo', '--Node', '--noheader', '-o', '%T', expect=None)


@pytest.fixture(scope='module')
def cohort(tmp_path_factory, subject) -> Path:
    """Eight participants; nobody may change them but who mends the fourth."""
    root = tmp_path_factory.mktemp('cohort') / 'raw data'
    create_dataset(root)
    for n in range(1, 9):
        write_subject(root, f'{n:02d}', subject(20 + n % 2))
    return root


def submit(cluster: Cluster, cohort: Path, out: Path, *options: str) -> str:
    """Run deepmir-submit; return what it says."""
    command = [
        sys.executable,
        '-m',
        'deepmir_bids.cli.deepmir_submit',
        cohort,
        out,
        '--venv',
        sys.prefix,
    ]
    command += ['--cpus', '1', '--mem-gb', '4', '--time', '10', *options, '--', '--sloppy']
    return cluster.run(*command)


def last_records(out: Path) -> dict[str, Record]:
    """The last word on each unit."""
    return {unit.record.label: unit.record for unit in known_units(out)}


def pages(out: Path) -> dict[str, int]:
    """When each participant's page was written."""
    return {path.stem: path.stat().st_mtime_ns for path in out.glob('sub-*.html')}


def test_a_cohort_with_a_broken_file(cluster, cohort, tmp_path):
    out = tmp_path / 'the outputs'
    (broken,) = (cohort / 'sub-04').rglob('*_T2starw.nii.gz')
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])

    said = submit(cluster, cohort, out, '--array-limit', '2', '--run')
    assert '8 of 8 tasks to run' in said
    assert re.findall(r'(\d) tasks$', said, re.M) == ['5', '3']
    cluster.wait(900)
    records = last_records(out)
    assert Counter(record.status for record in records.values()) == {'done': 7, 'failed': 1}
    assert records['sub-04'].reason.startswith(f'{broken} is cut short or damaged')
    assert list(cluster.disk.iterdir()) == []
    first = pages(out)
    assert len(first) == 8
    assert (out / 'group.html').stat().st_mtime_ns > max(first.values())
    (log,) = (out / 'logs' / 'slurm').glob('*_group.txt')
    assert '8 participants, 7 done, 1 failed' in log.read_text()
    assert f'failed: sub-04: {broken} is cut short' in log.read_text()
    assert len(list((out / 'logs' / 'slurm').glob('*_[1-5].txt'))) == 8

    broken.write_bytes(whole)
    assert '1 of 8 tasks to run' in submit(cluster, cohort, out, '--failed', '--run')
    cluster.wait(300)
    assert Counter(record.status for record in last_records(out).values()) == {'done': 8}
    second = pages(out)
    assert {label for label in second if second[label] != first[label]} == {'sub-04'}
    (again,) = set((out / 'logs' / 'slurm').glob('*_group.txt')) - {log}
    assert '8 participants, 8 done, 0 failed' in again.read_text()
    assert 'Nothing to submit' in submit(cluster, cohort, out, '--failed', '--run')
    validator = Path(sys.executable).with_name('bids-validator-deno')
    cluster.run(validator, out)


def run_with_plugin(cluster: Cluster, cohort: Path, folder: Path, plugin: str) -> str:
    """Run one participant; each step is a job. Return what deepmir says."""
    file = folder / 'plugin.yml'
    file.write_text(f'plugin: {plugin}\nplugin_args: {{sbatch_args: --time=10}}\n')
    command = [
        sys.executable,
        '-m',
        'deepmir_bids.cli.deepmir',
        cohort,
        folder / 'out',
        'participant',
    ]
    command += ['--participant-label', '01', '--sloppy', '--work-dir', folder / 'work']
    return cluster.run(*command, '--nprocs', '1', '--use-plugin', file)


@pytest.mark.parametrize('plugin', ['SLURM', 'SLURMGraph'])
def test_one_participant_whose_steps_are_jobs(cluster, cohort, tmp_path, plugin):
    said = run_with_plugin(cluster, cohort, tmp_path, plugin)
    assert f'1 of 1 units {"done" if plugin == "SLURM" else "submitted"}' in said
    cluster.wait(300)
    (unit,) = known_units(tmp_path / 'out')
    assert unit.record.status == 'done'
    # Each step asked for what it needs.
    jobs = cluster.run('scontrol', '--oneliner', 'show', 'jobs').splitlines()
    (predict,) = (job for job in jobs if 'predict' in job and str(tmp_path) in job)
    assert 'MinMemoryNode=3G' in predict
    assert 'NumCPUs=1' in predict
    assert 'TimeLimit=00:10:00' in predict
