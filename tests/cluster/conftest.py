"""Raw datasets by their folders, what deepmir recorded of them, and a SLURM cluster."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deepmir_bids.bids.output_files import results_of
from deepmir_bids.bids.run_records import Record, make_run_folder, write_records

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
SlurmdParameters=config_overrides
MaxArraySize=6
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} RealMemory=8000
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory=8000
PartitionName=all Nodes=node[1-2] Default=YES State=UP
{more}
"""
REPOSITORY = Path(__file__).parents[2]
MUNGE = {
    '--key-file': 'munge.key',
    '--socket': 'munge.socket',
    '--pid-file': 'munge.pid',
    '--log-file': 'munge.log',
    '--seed-file': 'munge.seed',
}


@pytest.fixture
def raw(tmp_path) -> Callable[..., Path]:
    """Return a function that makes a raw dataset with these folders; spaces in its path."""

    def make(*folders: str) -> Path:
        root = tmp_path / 'raw data'
        for folder in folders:
            (root / folder).mkdir(parents=True)
        (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
        return root

    return make


@pytest.fixture
def recorded(tmp_path) -> Callable[..., Path]:
    """Return a function that records units in an output folder; done ones have results."""

    def record(**status: str) -> Path:
        out = tmp_path / 'the outputs'
        units = {
            name.replace('sub', 'sub-', 1).replace('ses', 'ses-'): s for name, s in status.items()
        }
        write_records(make_run_folder(out / 'logs'), [Record.of(*unit) for unit in units.items()])
        for label in (label for label, state in units.items() if state == 'done'):
            folder = out.joinpath(*label.split('_')) / 'anat'
            folder.mkdir(parents=True)
            for result in results_of(['swi']):
                (folder / f'{label}{result.ending_of("T", "X")}').touch()
        return out

    return record


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

    def submit(self, cohort: Path, out: Path, venv: Path, *options: str) -> str:
        """Run deepmir-submit and the jobs; return what it says."""
        command = [sys.executable, '-m', 'deepmir_bids.cli.deepmir_submit', cohort, out]
        command += ['--venv', venv, '--cpus', '1', '--mem-gb', '4', '--time', '10']
        return self.run(*command, *options, '--run', '--', '--sloppy')

    def queue(self) -> dict[str, str]:
        """State of each job or task that has not ended."""
        lines = self.run('squeue', '--array', '--noheader', '--format', '%F_%K %T').splitlines()
        return dict(line.replace('_N/A', '').split() for line in lines)

    def wait(self, seconds: float) -> None:
        """Wait until no job is queued or running."""
        wait_until(lambda: not self.queue(), seconds)


@pytest.fixture(scope='module')
def cluster(request, tmp_path_factory, compute_node) -> Iterator[Cluster]:
    """A cluster of two nodes, both of them this machine.

    It needs root, and the packages slurm-wlm and munge. The daemons live in a temporary folder,
    and end with the tests of a module, which may say ``CPUS`` of a node and ``MORE_CONF``.
    """
    folder = tmp_path_factory.mktemp('slurm')
    disk = folder / 'local disk'
    for path in (disk, folder / 'state'):
        path.mkdir()
    (folder / 'munge.key').write_bytes(os.urandom(128))
    (folder / 'munge.key').chmod(0o400)
    host = socket.gethostname().split('.')[0]
    text = SLURM_CONF.format(
        folder=folder,
        host=host,
        ports=free_ports(3),
        cpus=getattr(request.module, 'CPUS', 1),
        more=getattr(request.module, 'MORE_CONF', ''),
    )
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
        nodes = ['sinfo', '--Node', '--noheader', '--format', '%T']
        wait_until(lambda: made.run(*nodes, expect=None).split() == ['idle', 'idle'], 60)
        yield made
        made.run('scancel', '--user=root')
        made.wait(60)


@pytest.fixture(scope='module')
def fake_venv(tmp_path_factory) -> Path:
    """A virtual environment whose deepmir has momentary steps, told by files in it."""
    folder = tmp_path_factory.mktemp('fake')
    program = folder / 'bin' / 'deepmir'
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n'
        f'exec "{sys.executable}" "{REPOSITORY}/bench/faults/fake_deepmir.py" "{folder}" "$@"\n'
    )
    program.chmod(0o755)
    return folder


@pytest.fixture(scope='session', name='wait_until')
def _wait_until() -> Callable[[Callable[[], object], float], None]:
    """Return the function of that name."""
    return wait_until


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'not in {seconds} s'
        time.sleep(0.5)


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
