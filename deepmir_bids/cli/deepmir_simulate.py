"""``deepmir-simulate``: people with known lesions, simulated or with lesions put into images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from deepmir_bids.cli.option_types import (
    absolute_path,
    add_derivatives_option,
    add_label_options,
    add_qsm_scale_option,
    add_scan_options,
    positive,
    scan_options,
    whole_not_negative,
)
from deepmir_bids.errors import UsageError

#: Options that mean something with --into alone.
INTO_ALONE = (
    'lesions',
    'participant_label',
    'session_label',
    'derivatives',
    'qsm_scale',
    'echo_time',
    'field_strength',
    'b0_direction',
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if somebody's images could not be used, or 2."""
    try:
        options = _parser().parse_args(argv)
        _check(options)
        return _implant(options) if options.into else _simulate(options)
    except UsageError as error:
        print(f'deepmir-simulate: {error}', file=sys.stderr)
        return 2


def _simulate(options: argparse.Namespace) -> int:
    # The first import of the simulation takes seconds; --help must not.
    from deepmir_bids.simulation.simulated_dataset import simulate_dataset

    number = options.participants or 2
    with _progress('Simulating', number) as show:
        for label in simulate_dataset(options.out, number, options.seed, options.raw):
            show(f'sub-{label} written')
    return 0


def _implant(options: argparse.Namespace) -> int:
    from deepmir_bids.settings import Settings
    from deepmir_bids.simulation.implanted_dataset import ImplantPlan, implant_dataset

    settings = Settings(
        bids_dir=options.into,
        out_dir=options.out,
        work_dir=options.out,
        participant_label=tuple(options.participant_label),
        session_label=tuple(options.session_label),
        derivatives=options.derivatives,
        qsm_scale=options.qsm_scale,
    )
    plan = ImplantPlan(scan_options(options), options.lesions, options.seed)
    all_written = True
    with _progress('Putting lesions in') as show:
        for outcome in implant_dataset(options.out, settings, plan):
            show(outcome.sentence)
            all_written &= outcome.written
    return 0 if all_written else 1


@contextmanager
def _progress(what: str, number: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show a bar, and give a function that prints a sentence above it and goes a step on."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=number)

        def show(sentence: str) -> None:
            progress.console.print(sentence, soft_wrap=True, highlight=False, markup=False)
            progress.advance(task)

        yield show


def _check(options: argparse.Namespace) -> None:
    if options.into and options.participants:
        raise UsageError('--participants is of people who do not exist: leave it, or --into, out.')
    if options.into and options.raw:
        raise UsageError('--raw is of people who do not exist: leave it, or --into, out.')
    for name in INTO_ALONE:
        if not options.into and getattr(options, name) not in (None, [], {}, 'auto'):
            option = f'--{name.replace("_", "-")}'
            raise UsageError(f'{option} goes with --into, a dataset of real images.')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='deepmir-simulate',
        description='Write a BIDS dataset of simulated SWI, QSM and T2w images with known '
        'microbleeds and iron deposits; the truth is in OUT/derivatives/truth. '
        'About half a minute and 2.5 GB a participant. With --into, the lesions are put into the '
        'images of real people instead, which stay as they are.',
    )
    add = parser.add_argument
    add('out', type=absolute_path, metavar='OUT', help='a folder that is new or empty')
    add('--participants', type=positive, metavar='N', help='how many to simulate (default: 2)')
    add(
        '--seed',
        type=whole_not_negative,
        default=0,
        metavar='S',
        help='the same seed gives the same dataset (default: 0)',
    )
    add(
        '--raw',
        type=positive,
        nargs='?',
        const=1,
        default=0,
        metavar='ECHOES',
        help='magnitude and phase as well, of one echo (T2starw) or of several (MEGRE), and the '
        'true susceptibility',
    )
    _add_into_options(parser.add_argument_group('lesions put into real images'))
    return parser


def _add_into_options(group) -> None:
    add = group.add_argument
    add('--into', type=absolute_path, metavar='BIDS', help='dataset with the images')
    add(
        '--lesions',
        type=whole_not_negative,
        metavar='N',
        help='microbleeds a participant, with a third as many iron deposits (default: as people '
        'have them)',
    )
    add_label_options(group)
    add_derivatives_option(group)
    add_qsm_scale_option(group)
    add_scan_options(group)


if __name__ == '__main__':
    sys.exit(main())
