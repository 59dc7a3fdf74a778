"""``deepmir-evaluate``: how well deepmir did, lesion by lesion, against a truth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deepmir_bids.errors import InputError, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 for unusable input, with nothing written."""
    options = _parser().parse_args(argv)
    try:
        _evaluate(options)
    except (UsageError, InputError) as error:
        print(f'deepmir-evaluate: {error}', file=sys.stderr)
        return 2
    return 0


def _evaluate(options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    from deepmir_bids.evaluation.evaluation_tables import evaluate
    from deepmir_bids.evaluation.write_evaluation import write_evaluation
    from deepmir_bids.running.preflight import check_writable

    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise UsageError(f'--out {options.out} is not an empty folder: name a new one.')
    check_writable(options.out, '--out')
    console = Console(stderr=True)
    evaluation = evaluate(
        options.truth,
        options.prediction,
        options.rule,
        watch=lambda pairs: track(pairs, 'Evaluating', console=console, transient=True),
    )
    write_evaluation(evaluation, options.out)
    print(headline(evaluation.tables['summary']))
    print(f'{len(evaluation.facts["units"])} units, all figures: {options.out}')


def headline(summary) -> str:
    """The pooled figures that a reader asks for first, one line a class, as text."""
    measures = ['TP', 'FP', 'FN', 'sensitivity', 'precision', 'F1', 'FP_per_subject', 'count_r']
    ours = summary[summary['rule'] == 'deepmir']
    table = ours.pivot_table(index='class', columns='measure', values='pooled', dropna=False)
    rows = table[measures].round(3).rename_axis(columns=None).reset_index()
    return rows.to_string(index=False, float_format=lambda value: f'{value:g}', na_rep='n/a')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='deepmir-evaluate',
        description='Compare the lesions that deepmir found with the true ones: sensitivity, '
        'precision, F1, false positives a subject, agreement of the counts and Dice, by class, '
        'size and region, with 95 % intervals; FROC curves. A found and a true lesion match if '
        'they overlap or their centroids lie within 5 mm, one to one, the nearest first.',
    )
    parser.add_argument(
        'truth',
        type=Path,
        metavar='TRUTH',
        help='a derivatives dataset with one sub-*_dseg.nii.gz for each unit on the grid of its '
        'SWI (1 microbleed, 2 iron deposit), as deepmir-simulate leaves in OUT/derivatives/truth',
    )
    parser.add_argument(
        'prediction', type=Path, metavar='PREDICTION', help='an output folder of deepmir'
    )
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='DIR',
        help='where tables and figures go: a folder that is new or empty',
    )
    parser.add_argument(
        '--rule',
        choices=('deepmir', 'valdo'),
        default='deepmir',
        help="valdo adds, beside deepmir's own, the figures by the rule of the VALDO challenge "
        'with a limit of 5 mm (default: %(default)s)',
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
