"""``deepmir BIDS OUT participant|group``: the app's command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from deepmir_bids import INPUTS, __version__
from deepmir_bids.cli.option_types import positive
from deepmir_bids.errors import UsageError
from deepmir_bids.model.model_registry import DEFAULT_MODEL
from deepmir_bids.settings import QSM_SCALES, Settings

DESCRIPTION = """\
Find cerebral microbleeds (CMB) and non-haemorrhagic iron deposits of the basal ganglia in SWI,
QSM and T2w images, and write them as BIDS-Derivatives. SWI is required; QSM and T2w sharpen the
result.
Research use only: the default network learned from simulated images.
"""
EPILOG = """\
examples:
  deepmir /data/bids /data/deepmir participant
  deepmir /data/bids /data/deepmir participant --participant-label 01 02 --work-dir /scratch
  deepmir /data/bids /data/deepmir participant --derivatives qsm=/data/qsm
  deepmir /data/bids /data/deepmir participant --dry-run
  deepmir /data/bids /data/deepmir group --by sex age

exit status: 0 all done; 1 some units failed or were skipped (the last lines say which, and why);
2 wrong usage or unusable input, with nothing written
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app; return its exit status."""
    options = parser().parse_args(argv)
    try:
        if options.analysis_level == 'group':
            from deepmir_bids.running.group_level import run_group

            return run_group(
                options.out_dir.absolute(),
                options.by,
                allow_mixed=options.allow_mixed,
                dry_run=options.dry_run,
            )
        settings = to_settings(options)
        from deepmir_bids.running.preflight import check_settings

        check_settings(settings)
        from deepmir_bids.running.participant_level import dry_run, run_participants

        return (
            dry_run(settings) if options.dry_run else run_participants(settings, options.verbose)
        )
    except UsageError as error:
        print(f'deepmir: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('deepmir: stopped; the same command goes on from here.', file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Every option of the app, in groups a person can read."""
    top = argparse.ArgumentParser(
        prog='deepmir',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument('bids_dir', type=Path, help='root of the raw BIDS dataset')
    top.add_argument('out_dir', type=Path, help='root of the output dataset')
    top.add_argument(
        'analysis_level',
        choices=['participant', 'group'],
        help='participant: find lesions; group: sum up what lies in out_dir, without bids_dir',
    )
    top.add_argument('--version', action='version', version=f'deepmir {__version__}')
    top.add_argument('-v', '--verbose', action='count', default=0, help='say more (-vv: all)')
    _add_input_options(top.add_argument_group('which images'))
    _add_detection_options(top.add_argument_group('what counts as a lesion'))
    _add_anatomy_options(top.add_argument_group('anatomy'))
    _add_run_options(top.add_argument_group('how it runs'))
    _add_group_options(top.add_argument_group('group level'))
    return top


def _add_input_options(group) -> None:
    add = group.add_argument
    add('--participant-label', nargs='+', default=[], metavar='LABEL', help='only these')
    add('--session-label', nargs='+', default=[], metavar='LABEL', help='only these sessions')
    add(
        '--bids-filter-file',
        type=Path,
        metavar='FILE',
        help='JSON that updates the pybids queries swi, qsm and t2w',
    )
    add(
        '--bids-database-dir',
        type=Path,
        metavar='DIR',
        help='keep the index of the datasets here, for many runs; delete it when files change',
    )
    add('--skip-bids-validation', action='store_true', help='do not look whether it is BIDS')
    add(
        '--derivatives',
        nargs='+',
        default=[],
        metavar='NAME=PATH',
        help='other datasets to look for a QSM (suffix Chimap) in',
    )
    add(
        '--inputs',
        nargs='+',
        choices=INPUTS,
        default=list(INPUTS),
        help='use no more than these images (SWI always)',
    )
    add(
        '--qsm-scale',
        choices=['auto', *QSM_SCALES],
        default='auto',
        help='unit and sign of the QSM, where they are not recognised',
    )


def _add_detection_options(group) -> None:
    add = group.add_argument
    add('--model', default=DEFAULT_MODEL, metavar='NAME|DIR', help='a shipped model or a folder')
    add(
        '--operating-point',
        choices=['sensitive', 'balanced', 'precise'],
        default='balanced',
        help='thresholds of the model (default: balanced)',
    )
    add('--threshold-cmb', type=_probability, metavar='P', help='instead of the model’s own')
    add('--threshold-iron', type=_probability, metavar='P', help='instead of the model’s own')
    add('--min-volume', type=_not_negative, metavar='MM3', help='drop lesions below this volume')


def _add_anatomy_options(group) -> None:
    add = group.add_argument
    add('--template', default='MNI152NLin2009cAsym', metavar='SPACE', help='of TemplateFlow')
    add(
        '--atlas',
        default='HOSPA',
        metavar='NAME|FILE',
        help='atlas of the template, or a label image in its space (then with --atlas-labels)',
    )
    add('--atlas-labels', type=Path, metavar='TSV', help='index, name and region of the labels')
    add(
        '--brain-mask-from',
        nargs=1,
        default=[],
        metavar='NAME=PATH',
        help='derivatives dataset that has desc-brain_mask; it replaces the template’s',
    )


def _add_run_options(group) -> None:
    add = group.add_argument
    add('-w', '--work-dir', type=Path, default=Path('work'), help='for what may be deleted later')
    add('--device', default='auto', help='auto, cpu or cuda')
    add('--nprocs', type=positive, metavar='N', help='processes at once (default: all cores)')
    add('--omp-nthreads', type=positive, metavar='N', help='threads of one process')
    add('--mem-gb', type=_not_negative, metavar='GB', help='memory that may be used')
    add('--use-plugin', type=Path, metavar='FILE', help='Nipype plugin and its arguments, as YAML')
    add('--stop-on-first-crash', action='store_true', help='end the run with the first failure')
    add('--reports-only', action='store_true', help='make the reports again, nothing else')
    add('--dry-run', action='store_true', help='list units, inputs and steps; run nothing')
    add('--sloppy', action='store_true', help='coarse registration, for tests only')


def _add_group_options(group) -> None:
    add = group.add_argument
    add(
        '--by',
        nargs='+',
        default=[],
        metavar='COLUMN',
        help='divide the summary by these columns of the raw participants.tsv',
    )
    add(
        '--allow-mixed',
        action='store_true',
        help='sum up results of different templates, models, thresholds or versions',
    )


def to_settings(options: argparse.Namespace) -> Settings:
    """
    Turn parsed options into the settings of a run.

    Raises
    ------
    UsageError
        An option is not of the form NAME=PATH.

    """
    nprocs = options.nprocs or _plugin_processes(options) or len(os.sched_getaffinity(0))
    return Settings(
        bids_dir=options.bids_dir.absolute(),
        out_dir=options.out_dir.absolute(),
        work_dir=options.work_dir.absolute(),
        participant_label=tuple(o.removeprefix('sub-') for o in options.participant_label),
        session_label=tuple(o.removeprefix('ses-') for o in options.session_label),
        bids_filter_file=options.bids_filter_file,
        skip_bids_validation=options.skip_bids_validation,
        bids_database_dir=options.bids_database_dir and options.bids_database_dir.absolute(),
        derivatives=_named_paths(options.derivatives, '--derivatives'),
        brain_mask_from=_named_paths(options.brain_mask_from, '--brain-mask-from'),
        model=options.model,
        inputs=tuple(name for name in INPUTS if name == 'swi' or name in options.inputs),
        qsm_scale=options.qsm_scale,
        operating_point=options.operating_point,
        threshold_cmb=options.threshold_cmb,
        threshold_iron=options.threshold_iron,
        min_volume=options.min_volume,
        template=options.template,
        atlas=options.atlas,
        atlas_labels=options.atlas_labels,
        device=options.device,
        nprocs=nprocs,
        omp_nthreads=min(options.omp_nthreads or min(nprocs, 8), nprocs),
        mem_gb=options.mem_gb,
        use_plugin=options.use_plugin,
        stop_on_first_crash=options.stop_on_first_crash,
        reports_only=options.reports_only,
        sloppy=options.sloppy,
    )


def _plugin_processes(options: argparse.Namespace) -> int | None:
    """Processes that a plugin file gives to all steps together; their threads fit into it."""
    if options.use_plugin is None:
        return None
    from deepmir_bids.running.nipype_plugins import read_plugin

    return read_plugin(options.use_plugin).arguments.get('n_procs')


def _named_paths(pairs: Sequence[str], option: str) -> dict[str, Path]:
    named = {}
    for pair in pairs:
        name, equals, path = pair.partition('=')
        if not (name and equals and path):
            raise UsageError(f'{option} takes NAME=PATH, not {pair}.')
        named[name] = Path(path).absolute()
    return named


def _probability(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


if __name__ == '__main__':
    sys.exit(main())
