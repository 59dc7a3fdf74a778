"""Every option of ``deepmir``, in groups that a person can read."""

from __future__ import annotations

import argparse

from deepmir_bids import INPUTS, __version__
from deepmir_bids.cli.option_types import (
    NamedPaths,
    above_zero,
    absolute_path,
    add_derivatives_option,
    add_field_strength_option,
    add_label_options,
    add_qsm_scale_option,
    atlas_name,
    device,
    model_name,
    not_negative,
    positive,
    probability,
)
from deepmir_bids.settings import DEFAULT_MODEL, DEFAULT_POINT

DESCRIPTION = """\
Find cerebral microbleeds (CMB) and non-haemorrhagic iron deposits of the basal ganglia in SWI,
QSM and T2w images, and write them as BIDS-Derivatives. SWI is required, or magnitude and phase to
make it from; QSM and T2w sharpen the result.
Research use only: the default network learned from simulated images.
"""
EPILOG = """\
examples:
  deepmir /data/bids /data/deepmir participant
  deepmir /data/bids /data/deepmir participant --participant-label 01 02 --work-dir /scratch
  deepmir /data/bids /data/deepmir participant --derivatives qsm=/data/qsm
  deepmir /data/bids /data/deepmir participant --dry-run --report audit.tsv
  deepmir /data/bids /data/deepmir group --by sex age

exit status: 0 all done; 1 some units failed or were skipped (the last lines say which, and why);
2 wrong usage or unusable input, with nothing written; 130 stopped by the user,
143 by the system
"""


def parser() -> argparse.ArgumentParser:
    """Every option of the app, in groups a person can read."""
    top = argparse.ArgumentParser(
        prog='deepmir',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument('bids_dir', type=absolute_path, help='root of the raw BIDS dataset')
    top.add_argument('out_dir', type=absolute_path, help='root of the output dataset')
    top.add_argument(
        'analysis_level',
        choices=['participant', 'group'],
        help='participant: find lesions; group: sum up what lies in out_dir, without bids_dir',
    )
    top.add_argument('--version', action='version', version=f'deepmir {__version__}')
    top.add_argument('-v', '--verbose', action='count', default=0, help='say more (-vv: all)')
    _add_input_options(top.add_argument_group('which images'))
    _add_echo_options(top.add_argument_group('SWI and QSM from magnitude and phase'))
    _add_detection_options(top.add_argument_group('what counts as a lesion'))
    _add_anatomy_options(top.add_argument_group('anatomy'))
    _add_run_options(top.add_argument_group('how it runs'))
    _add_group_options(top.add_argument_group('group level'))
    return top


def _add_input_options(group) -> None:
    add = group.add_argument
    add_label_options(group)
    add(
        '--bids-filter-file',
        type=absolute_path,
        metavar='FILE',
        help='JSON that updates the pybids queries swi, qsm and t2w',
    )
    add(
        '--bids-database-dir',
        type=absolute_path,
        metavar='DIR',
        help='keep the index of the datasets here, for many runs; delete it when files change',
    )
    add('--skip-bids-validation', action='store_true', help='do not look whether it is BIDS')
    add_derivatives_option(group)
    add(
        '--inputs',
        nargs='+',
        choices=INPUTS,
        default=list(INPUTS),
        help='use no more than these images (SWI always)',
    )
    add_qsm_scale_option(group)


def _add_echo_options(group) -> None:
    add = group.add_argument
    add(
        '--reconstruct',
        choices=['auto', 'never', 'always'],
        default='never',
        help='make SWI and QSM from magnitude and phase: what is lacking and can be made well '
        'enough (auto), nothing (the default), or both (always); see the manual for how good '
        'they are',
    )
    add(
        '--reconstruct-only',
        action='store_true',
        help='with --reconstruct always: make these images, the local field and a mask, and stop '
        'there',
    )
    add(
        '--echo-times',
        nargs='+',
        type=above_zero,
        default=[],
        metavar='T',
        help='of all echoes, in s or ms, instead of the sidecars’',
    )
    add_field_strength_option(group)


def _add_detection_options(group) -> None:
    add = group.add_argument
    add(
        '--model',
        type=model_name,
        metavar='NAME|DIR',
        help=f'a shipped model or a folder (default: {DEFAULT_MODEL})',
    )
    add(
        '--operating-point',
        choices=['sensitive', 'balanced', 'precise'],
        help=f'thresholds of the model (default: {DEFAULT_POINT})',
    )
    add('--threshold-cmb', type=probability, metavar='P', help='instead of the model’s own')
    add('--threshold-iron', type=probability, metavar='P', help='instead of the model’s own')
    add('--min-volume', type=not_negative, metavar='MM3', help='drop lesions below this volume')


def _add_anatomy_options(group) -> None:
    add = group.add_argument
    add('--template', default='MNI152NLin2009cAsym', metavar='SPACE', help='of TemplateFlow')
    add(
        '--atlas',
        type=atlas_name,
        default='HOSPA',
        metavar='NAME|FILE',
        help='atlas of the template, or a label image in its space (then with --atlas-labels)',
    )
    add(
        '--atlas-labels',
        type=absolute_path,
        metavar='TSV',
        help='index, name and region of the labels',
    )
    add(
        '--brain-mask-from',
        nargs=1,
        action=NamedPaths,
        default={},
        metavar='NAME=PATH',
        help='derivatives dataset (fMRIPrep’s) whose desc-brain_mask replaces the template’s',
    )


def _add_run_options(group) -> None:
    add = group.add_argument
    add(
        '-w',
        '--work-dir',
        type=absolute_path,
        default='work',
        help='for what may be deleted later',
    )
    add(
        '--clean-workdir',
        action='store_true',
        help='empty the work folder of each unit when its results are there',
    )
    add('--device', type=device, default='auto', help='auto, cpu, cuda or cuda:NUMBER')
    add('--nprocs', type=positive, metavar='N', help='processes at once (default: all cores)')
    add(
        '--omp-nthreads',
        type=positive,
        metavar='N',
        help='threads of one process at most (fewer where units run side by side)',
    )
    add('--mem-gb', type=not_negative, metavar='GB', help='memory that may be used')
    add(
        '--use-plugin',
        type=absolute_path,
        metavar='FILE',
        help='Nipype plugin and its arguments, as YAML',
    )
    add('--stop-on-first-crash', action='store_true', help='end the run with the first failure')
    add(
        '--reports-only',
        action='store_true',
        help='make the reports again, nothing else; with another threshold, operating point or '
        'model of the same weights also masks and tables, from the stored probabilities',
    )
    add('--dry-run', action='store_true', help='read and judge all inputs; run nothing')
    add(
        '--report', type=absolute_path, metavar='TSV', help='with --dry-run: a table of the inputs'
    )
    add('--sloppy', action='store_true', help='coarse registration, for tests only')


def _add_group_options(group) -> None:
    add = group.add_argument
    add(
        '--by',
        nargs='+',
        action='extend',
        default=[],
        metavar='COLUMN',
        help='divide the summary by these columns of the raw participants.tsv',
    )
    add(
        '--allow-mixed',
        action='store_true',
        help='sum up results of different templates, models, thresholds or versions',
    )
