"""``deepmir-submit``: a cohort as jobs of a SLURM cluster."""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deepmir_bids.cli.option_types import add_label_options, positive
from deepmir_bids.errors import UsageError
from deepmir_bids.settings import Settings

DESCRIPTION = """\
Write, and with --run submit, a cohort as jobs for SLURM: an array of its participants (or of their
sessions, where there are any), and the group level after it. What is done already is left out. The
scripts are in OUT/code, the logs in OUT/logs/slurm.
"""
EPILOG = """\
Options after -- go to deepmir itself, at both levels.

examples:
  deepmir-submit /data/bids /data/deepmir --image deepmir.sif --partition long --run
  deepmir-submit /data/bids /data/deepmir --image deepmir.sif --work-dir '/scratch/$USER' \\
      --nv --sbatch=--gres=gpu:1 -- --derivatives qsm=/data/qsm --device cuda
  deepmir-submit /data/bids /data/deepmir --venv ~/deepmir/.venv --failed --run
"""
#: Options of deepmir that are set for each task, and what sets them here.
OURS = {
    'participant_label': '--participant-label',
    'session_label': '--session-label',
    'work_dir': '--work-dir',
    'nprocs': '--cpus',
    'mem_gb': '--mem-gb',
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if SLURM refused the jobs, 2 for unusable input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    end = arguments.index('--') if '--' in arguments else len(arguments)
    options = _parser().parse_args(arguments[:end])
    try:
        return _submit(options, arguments[end + 1 :])
    except UsageError as error:
        print(f'deepmir-submit: {error}', file=sys.stderr)
        return 2


def _submit(options: argparse.Namespace, further: list[str]) -> int:
    from deepmir_bids.cluster.remaining_tasks import find_tasks, tasks_left
    from deepmir_bids.cluster.slurm_scripts import Resources, Runner, write_scripts
    from deepmir_bids.running.preflight import check_settings

    settings = _settings(options, further)
    check_settings(settings)
    _check_runner(options)
    tasks = find_tasks(settings.bids_dir, settings.participant_label, settings.session_label)
    left = tasks_left(tasks, settings.out_dir, failed_only=options.failed)
    if not left:
        what = 'failed, was killed or cancelled' if options.failed else 'is left to do'
        print(f'Nothing to submit: of {len(tasks)} tasks none {what}.')
        return 0
    image, venv = options.image, options.venv
    folder = write_scripts(
        left,
        settings.bids_dir,
        settings.out_dir,
        Runner(
            venv=venv and venv.absolute(),
            image=image and image.absolute(),
            nv=options.nv,
            binds=_binds(settings, options.bind) if image else (),
        ),
        Resources(
            cpus=options.cpus,
            mem_gb=options.mem_gb,
            time=options.time,
            partition=options.partition,
            account=options.account,
            sbatch=tuple(options.sbatch),
            array_limit=options.array_limit,
        ),
        work_dir=options.work_dir,
        options=further,
    )
    print(f'{len(left)} of {len(tasks)} tasks to run: {folder}')
    submit = folder / 'submit.sh'
    if not options.run:
        print(f'Submit them with: bash {shlex.quote(str(submit))}')
        return 0
    # The script was just written, with every name in it quoted.
    done = subprocess.run(['bash', submit], check=False)  # noqa: S603, S607
    return 1 if done.returncode else 0


def _settings(options: argparse.Namespace, further: list[str]) -> Settings:
    """Settings of all tasks together, as deepmir itself understands them."""
    from deepmir_bids.cli.deepmir import parser, to_settings

    level = [str(options.bids_dir), str(options.out_dir), 'participant']
    blank, asked = parser().parse_args(level), parser().parse_args([*level, *further])
    for name, option in OURS.items():
        if getattr(asked, name) != getattr(blank, name):
            raise UsageError(
                f'deepmir’s --{name.replace("_", "-")} is set for each task: '
                f'give {option} to deepmir-submit, before the --.'
            )
    asked.participant_label = options.participant_label
    asked.session_label = options.session_label
    # The work folder lies on the nodes: nothing can be known of it here.
    return replace(to_settings(asked), work_dir=options.out_dir.absolute() / 'work')


def _check_runner(options: argparse.Namespace) -> None:
    if options.image and not options.image.is_file():
        raise UsageError(f'--image {options.image} is not a file: build it, or give its path.')
    if options.venv and not (options.venv / 'bin' / 'deepmir').is_file():
        raise UsageError(f'--venv {options.venv} has no bin/deepmir: install deepmir there.')
    if options.run and not shutil.which('sbatch'):
        raise UsageError('sbatch is not here: leave out --run, and submit from a login node.')


def _binds(settings: Settings, further: Sequence[Path]) -> tuple[Path, ...]:
    """What a container has to see: the datasets, and whatever else deepmir's options name."""
    named = [
        *settings.derivatives.values(),
        *settings.brain_mask_from.values(),
        *(Path(text) for text in (settings.atlas, settings.model) if Path(text).exists()),
        settings.atlas_labels,
        settings.bids_filter_file,
        settings.bids_database_dir,
    ]
    paths = [settings.bids_dir, settings.out_dir, *filter(None, named), *further]
    if settings.bids_database_dir:
        settings.bids_database_dir.mkdir(parents=True, exist_ok=True)
    return tuple(dict.fromkeys(path.absolute() for path in paths))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='deepmir-submit',
        usage='%(prog)s BIDS OUT (--image SIF | --venv DIR) [options] [-- options of deepmir]',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('bids_dir', type=Path, metavar='BIDS', help='root of the raw dataset')
    parser.add_argument('out_dir', type=Path, metavar='OUT', help='root of the output dataset')
    parser.add_argument('--run', action='store_true', help='submit the jobs, too')
    _add_task_options(parser.add_argument_group('which tasks'))
    _add_runner_options(parser.add_argument_group('where deepmir is'))
    _add_slurm_options(parser.add_argument_group('what each job is given'))
    return parser


def _add_task_options(group) -> None:
    add = group.add_argument
    add('--failed', action='store_true', help='only what failed, was killed or cancelled')
    add_label_options(group)


def _add_runner_options(group) -> None:
    where = group.add_mutually_exclusive_group(required=True)
    where.add_argument('--image', type=Path, metavar='SIF', help='image of Apptainer')
    where.add_argument('--venv', type=Path, metavar='DIR', help='a virtual environment instead')
    group.add_argument(
        '--bind',
        action='append',
        type=Path,
        default=[],
        metavar='PATH',
        help='let the container see this, too, such as what links in the dataset point to; the '
        'datasets and files in the options are seen anyway (can be repeated)',
    )
    group.add_argument('--nv', action='store_true', help='let the container use NVIDIA GPUs')


def _add_slurm_options(group) -> None:
    add = group.add_argument
    add('--array-limit', type=positive, metavar='N', help='no more tasks than this at once')
    add('--cpus', type=positive, default=2, metavar='N', help='cores (default: 2)')
    add('--mem-gb', type=positive, default=8, metavar='GB', help='memory (default: 8)')
    add('--time', default='1:00:00', help='limit, as SLURM writes it (default: 1:00:00)')
    add('--partition', metavar='NAME', help='where the jobs go')
    add('--account', metavar='NAME', help='account that is charged')
    add(
        '--sbatch',
        action='append',
        default=[],
        metavar='LINE',
        help='another #SBATCH line, written --sbatch=--qos=low (can be repeated)',
    )
    add(
        '--work-dir',
        default='${TMPDIR:-/tmp}',
        metavar='DIR',
        help='folder on the node for what each task deletes at its end; write it in single '
        "quotes, and variables get their values there (default: '${TMPDIR:-/tmp}')",
    )


if __name__ == '__main__':
    sys.exit(main())
