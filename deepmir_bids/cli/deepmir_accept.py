"""``deepmir-accept BIDS OUT``: the acceptance test of a site, on its own images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from deepmir_bids.cli.deepmir import to_settings
from deepmir_bids.cli.deepmir_options import parser as app_parser
from deepmir_bids.cli.exit_status import exit_status
from deepmir_bids.cli.option_types import (
    absolute_path,
    add_scan_options,
    positive,
    scan_options,
    whole_not_negative,
)
from deepmir_bids.errors import UsageError

#: Microbleeds a participant: enough to tell sizes apart, and room for them in every head.
LESIONS = 20
#: Options of deepmir that leave nothing to test.
UNSUITED = ('reports_only', 'reconstruct_only', 'dry_run', 'report', 'use_plugin')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if somebody was left out, or 2."""
    return exit_status('deepmir-accept', lambda: _accept(*_parser().parse_known_args(argv)))


def _accept(options: argparse.Namespace, more: list[str]) -> int:
    # The first import of the simulation takes seconds; --help must not.
    from deepmir_bids.acceptance.run_acceptance import RUN, run_acceptance
    from deepmir_bids.acceptance.write_acceptance import write_acceptance
    from deepmir_bids.simulation.implanted_dataset import ImplantPlan

    app = app_parser().parse_args(
        [
            *(str(options.bids_dir), str(options.out / RUN), 'participant'),
            *('--work-dir', str(options.out / 'work'), *more),
        ]
    )
    # Given for the lesions that are put in, it holds for an SWI that is made from its echoes, too.
    app.field_strength = options.field_strength
    for name in UNSUITED:
        if getattr(app, name):
            raise UsageError(f'--{name.replace("_", "-")} leaves nothing to test: leave it out.')
    plan = ImplantPlan(scan_options(options), options.lesions, options.seed)
    test = run_acceptance(to_settings(app), plan, lambda said: print(said, flush=True))
    page = write_acceptance(test, options.out)
    print(f'{len(test.results)} participants tested, {len(test.left_out)} left out: {page}')
    return 1 if test.left_out else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='deepmir-accept',
        description='Test deepmir on the images of a site: run it on them, put microbleeds and '
        'iron deposits into them by physics, and look how many are found. OUT gets a page, '
        'acceptance.html, tables, and in OUT/deepmir the results of the images as they are, '
        'which are not made twice. The images themselves stay as they are.',
        epilog='All further options are those of “deepmir BIDS OUT participant”, such as '
        '--participant-label, --derivatives, --model, --nprocs and --omp-nthreads; they come '
        'after BIDS and OUT.',
        allow_abbrev=False,
    )
    add = parser.add_argument
    add('bids_dir', type=absolute_path, metavar='BIDS', help='root of the raw BIDS dataset')
    add('out', type=absolute_path, metavar='OUT', help='folder of the test')
    add(
        '--lesions',
        type=positive,
        default=LESIONS,
        metavar='N',
        help='microbleeds a participant, with a third as many iron deposits (default: '
        '%(default)s)',
    )
    add(
        '--seed',
        type=whole_not_negative,
        default=0,
        metavar='S',
        help='the same seed gives the same lesions (default: 0)',
    )
    add_scan_options(parser)
    return parser


if __name__ == '__main__':
    sys.exit(main())
