"""Scripts for SLURM: an array job of a cohort's tasks, and the group job after it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2

from deepmir_bids import __version__
from deepmir_bids.bids.cluster_job import LOGS, VARIABLES
from deepmir_bids.bids.run_records import make_run_folder
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.data import load as load_data

#: What has a meaning in double quotes, and is no variable.
SPECIAL = re.compile(r'(["\\`]|\$\()')
#: The tasks of a submission, and what its script leaves as it submits them.
TASKS, JOBS = 'units.txt', 'jobs.txt'
SCRIPTS = ('participant.sh', 'group.sh', 'submit.sh')


@dataclass(frozen=True)
class Resources:
    """What each job asks the scheduler for; ``sbatch`` are further options of that command."""

    cpus: int = 2
    mem_gb: int = 8
    time: str = '1:00:00'
    partition: str | None = None
    account: str | None = None
    sbatch: tuple[str, ...] = ()
    array_limit: int | None = None


@dataclass(frozen=True)
class Runner:
    """How a job starts deepmir: from a virtual environment, or in a container."""

    venv: Path | None = None
    image: Path | None = None
    nv: bool = False
    binds: tuple[Path, ...] = ()


def write_scripts(
    tasks: Sequence[str],
    bids_dir: Path,
    out_dir: Path,
    runner: Runner,
    resources: Resources,
    *,
    work_dir: str,
    options: Sequence[str] = (),
) -> Path:
    """Write the scripts of one submission, and the list of its tasks, to a folder of their own.

    Parameters
    ----------
    tasks
        Labels, ``sub-01`` or ``sub-01_ses-a``.
    bids_dir, out_dir
        Roots of the datasets, absolute.
    runner, resources
        How deepmir is started, and what for.
    work_dir
        Folder on the node for what may be deleted; variables in it get their values there.
    options
        Further options of deepmir.

    Returns
    -------
    Path
        The folder, in ``out_dir/code``; ``submit.sh`` in it submits all.

    """
    folder = make_run_folder(out_dir / 'code')
    logs = out_dir / LOGS
    logs.mkdir(parents=True, exist_ok=True)
    environment = jinja2.Environment(  # noqa: S701 (shell, which the filter sh quotes for)
        loader=jinja2.FileSystemLoader(load_data('slurm')),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {'sh': lambda value: shlex.quote(str(value)), 'expand': expand}
    values = {
        'version': __version__,
        'folder': folder,
        'logs': logs,
        'bids_dir': bids_dir,
        'out_dir': out_dir,
        'here': Path.cwd(),
        'n_tasks': len(tasks),
        'work_dir': work_dir,
        'jobs': JOBS,
        'job_variables': VARIABLES,
        'options': options,
        **asdict(runner),
        **asdict(resources),
    }
    write_whole(folder / TASKS, ''.join(f'{task}\n' for task in tasks))
    for name in SCRIPTS:
        text = environment.get_template(f'{name}.j2').render(values)
        write_whole(folder / name, text)
    return folder


def submitted_tasks(out_dir: Path) -> set[str]:
    """Labels of the tasks of all submissions that were handed to SLURM."""
    lists = [jobs.with_name(TASKS) for jobs in (out_dir / 'code').glob(f'*/{JOBS}')]
    return {task for path in lists if path.is_file() for task in path.read_text().splitlines()}


def expand(text: str) -> str:
    """Quote a text for the shell, except that variables (``$TMPDIR``) get their values."""
    return '"' + SPECIAL.sub(r'\\\1', text) + '"'
