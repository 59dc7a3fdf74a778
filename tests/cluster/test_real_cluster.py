"""A cohort on a real SLURM cluster, by a fake deepmir; and one participant by the real one."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from deepmir_bids.bids.run_records import Record
from deepmir_bids.group.finished_units import known_units
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

pytestmark = pytest.mark.slurm

#: A virtual environment with the real deepmir.
REAL = Path(sys.prefix)


@pytest.fixture(scope='module')
def cohort(tmp_path_factory, subject, write_noise) -> Path:
    """Eight participants, the first one with a head; nobody may change them but who mends one."""
    root = tmp_path_factory.mktemp('cohort') / 'raw data'
    create_dataset(root)
    write_subject(root, '01', subject(21))
    for n in range(2, 9):
        write_noise(root, f'{n:02d}')
    return root


def last_records(out: Path) -> dict[str, Record]:
    """The last word on each unit."""
    return {unit.record.label: unit.record for unit in known_units(out)}


def pages(out: Path) -> dict[str, int]:
    """When each participant's page was written."""
    return {path.stem: path.stat().st_mtime_ns for path in out.glob('sub-*.html')}


def test_a_cohort_with_a_broken_file(cluster, cohort, fake_venv, tmp_path):
    out = tmp_path / 'the outputs'
    (broken,) = (cohort / 'sub-04').rglob('*_T2starw.nii.gz')
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])

    said = cluster.submit(cohort, out, fake_venv, '--array-limit', '2')
    assert '8 of 8 tasks to run' in said
    assert re.findall(r'(\d) tasks$', said, re.M) == ['5', '3']
    cluster.wait(300)
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
    assert '1 of 8 tasks to run' in cluster.submit(cohort, out, fake_venv, '--failed')
    cluster.wait(300)
    assert Counter(record.status for record in last_records(out).values()) == {'done': 8}
    second = pages(out)
    assert {label for label in second if second[label] != first[label]} == {'sub-04'}
    (again,) = set((out / 'logs' / 'slurm').glob('*_group.txt')) - {log}
    assert '8 participants, 8 done, 0 failed' in again.read_text()
    assert 'Nothing to submit' in cluster.submit(cohort, out, fake_venv, '--failed')


def test_one_participant_as_a_job(cluster, cohort, tmp_path):
    """The real deepmir at both levels."""
    out = tmp_path / 'the outputs'
    cluster.submit(cohort, out, REAL, '--participant-label', '01')
    cluster.wait(900)
    assert last_records(out)['sub-01'].status == 'done'
    assert list(cluster.disk.iterdir()) == []
    (log,) = (out / 'logs' / 'slurm').glob('*_group.txt')
    assert '1 participants, 1 done, 0 failed' in log.read_text()
    cluster.run(Path(sys.executable).with_name('bids-validator-deno'), out)


@pytest.mark.parametrize(('plugin', 'venv'), [('SLURM', REAL), ('SLURMGraph', 'fake_venv')])
def test_one_participant_whose_steps_are_jobs(request, cluster, cohort, tmp_path, plugin, venv):
    venv = request.getfixturevalue(venv) if isinstance(venv, str) else venv
    file = tmp_path / 'plugin.yml'
    file.write_text(f'plugin: {plugin}\nplugin_args: {{sbatch_args: --time=10}}\n')
    said = cluster.run(
        *(venv / 'bin' / 'deepmir', cohort, tmp_path / 'out', 'participant'),
        *('--participant-label', '01', '--sloppy', '--work-dir', tmp_path / 'work'),
        *('--nprocs', '1', '--use-plugin', file),
    )
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
