"""``deepmir BIDS OUT participant|group``: the app's command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields

from deepmir_bids import INPUTS
from deepmir_bids.cli.deepmir_options import parser
from deepmir_bids.cli.exit_status import exit_status
from deepmir_bids.errors import UsageError
from deepmir_bids.settings import DEFAULT_MODEL, DEFAULT_POINT, Settings

#: Options that have a meaning at the group level; of these, the last two at no other.
AT_GROUP_LEVEL = (
    'bids_dir', 'out_dir', 'analysis_level', 'dry_run', 'verbose', 'by', 'allow_mixed',
)  # fmt: skip
#: Options that say what counts as a lesion.
CRITERIA = ('model', 'operating_point', 'threshold_cmb', 'threshold_iron', 'min_volume')
#: Options that would make a reader believe that the group level did something that it does not.
MISLEADING = ('participant_label', 'session_label')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app; return its exit status."""
    return exit_status('deepmir', lambda: run(parser().parse_args(argv)))


def run(options: argparse.Namespace) -> int:
    """Run the level that is asked for; return the exit status."""
    for note in notes_on_level(options):
        print(f'deepmir: {note}', file=sys.stderr)
    settings = to_settings(options)
    if settings.analysis_level == 'group':
        from deepmir_bids.running.group_level import run_group

        return run_group(settings)
    from deepmir_bids.running.preflight import check_settings

    check_settings(settings)
    if settings.dry_run:
        from deepmir_bids.running.dry_run import dry_run

        return dry_run(settings)
    from deepmir_bids.running.participant_level import run_participants

    return run_participants(settings)


def notes_on_level(options: argparse.Namespace) -> list[str]:
    """Say which options have no effect at the level that is run.

    Raises
    ------
    UsageError
        If one of them would seem to choose whom the group level sums up.

    """
    level = options.analysis_level
    blank = parser().parse_args([str(options.bids_dir), str(options.out_dir), level])
    given = [name for name, value in vars(options).items() if value != getattr(blank, name)]
    if level == 'group':
        idle = [name for name in given if name not in AT_GROUP_LEVEL]
    else:
        idle = [name for name in given if name in AT_GROUP_LEVEL[-2:]]
    for name in MISLEADING if level == 'group' else ():
        if name in idle:
            raise UsageError(
                f'{_as_option(name)} has no effect at the group level, which sums up all that '
                'lies in out_dir: leave it out.'
            )
    return [f'{_as_option(name)} has no effect at the {level} level.' for name in idle]


def _as_option(name: str) -> str:
    return f'--{name.replace("_", "-")}'


def to_settings(options: argparse.Namespace) -> Settings:
    """Turn parsed options into the settings of a run."""
    values = {f.name: getattr(options, f.name) for f in fields(Settings) if f.name != 'anew'}
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    nprocs = options.nprocs or _plugin_processes(options) or len(os.sched_getaffinity(0))
    values |= {
        'inputs': tuple(name for name in INPUTS if name == 'swi' or name in options.inputs),
        'nprocs': nprocs,
        'omp_nthreads': min(options.omp_nthreads or min(nprocs, 8), nprocs),
        'model': options.model or DEFAULT_MODEL,
        'operating_point': options.operating_point or DEFAULT_POINT,
        'anew': options.reports_only
        and any(getattr(options, name) is not None for name in CRITERIA),
    }
    return Settings(**values)


def _plugin_processes(options: argparse.Namespace) -> int | None:
    """Processes that a plugin file gives to all steps together; their threads fit into it."""
    if options.use_plugin is None:
        return None
    from deepmir_bids.running.nipype_plugins import read_plugin

    return read_plugin(options.use_plugin).arguments.get('n_procs')


if __name__ == '__main__':
    sys.exit(main())
