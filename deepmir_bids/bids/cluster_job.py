"""The scheduler's job that this process is of, and what its log says of the end of one."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Where `deepmir-submit` lets the jobs log; those of an array are ``<array>_<task>.txt``.
LOGS = Path('logs') / 'slurm'
#: What SLURM tells a job of itself, and a container has to be told.
VARIABLES = (
    'SLURM_JOB_ID',
    'SLURM_RESTART_COUNT',
    'SLURM_ARRAY_JOB_ID',
    'SLURM_ARRAY_TASK_ID',
)
#: What SLURM and the shell leave at the end of the log of a job that was ended, and what it means.
ENDS = (
    (r'DUE TO TIME LIMIT', 'its job ran out of time: give it more with --time'),
    (r'DUE TO NODE FAILURE', 'its node failed: run deepmir on it again'),
    (r'DUE TO PREEMPTION', 'its job had to give way to another one: run deepmir on it again'),
    (
        r'oom.?kill|exceeded .*memory limit|: line \d+: +\d+ Killed',
        'its job was killed, probably for want of memory: give it more with --mem-gb',
    ),
    (r'\*\*\* JOB .* CANCELLED', 'its job was cancelled: run deepmir on it again'),
)
#: So much of a log is looked at, in bytes.
END_BYTES = 4000
_TASK = re.compile(r'\d+_\d+')


def this_job() -> tuple[str | None, int]:
    """The job that this process is of, and how often it was started anew."""
    return os.environ.get('SLURM_JOB_ID'), int(os.environ.get('SLURM_RESTART_COUNT') or 0)


def this_task() -> str | None:
    """The task of an array that this process is of, as SLURM writes it: ``<array>_<task>``."""
    array, task = (os.environ.get(f'SLURM_ARRAY_{name}_ID') for name in ('JOB', 'TASK'))
    return f'{array}_{task}' if array and task else None


def why_it_ended(out_dir: Path, task: str | None) -> str | None:
    """What ended a task before its time, and what helps; None where its log does not tell.

    Parameters
    ----------
    out_dir
        Root of the output dataset.
    task
        As `this_task` gave it, or whatever a record says it did.

    """
    if task is None or not _TASK.fullmatch(task):
        return None
    try:
        with (out_dir / LOGS / f'{task}.txt').open('rb') as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - END_BYTES))
            end = log.read().decode(errors='replace')
    except OSError:
        return None
    return next((why for said, why in ENDS if re.search(said, end)), None)
