"""``deepmir-simulate``: a BIDS dataset of simulated people with known lesions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deepmir_bids.cli.option_types import positive, whole_not_negative


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 if the output folder cannot be used."""
    options = _parser().parse_args(argv)
    # The first import of the simulation takes seconds; --help must not.
    from rich.console import Console
    from rich.progress import Progress

    from deepmir_bids.errors import UsageError
    from deepmir_bids.simulation.simulated_dataset import simulate_dataset

    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task('Simulating', total=options.participants)
            for label in simulate_dataset(options.out, options.participants, options.seed):
                progress.console.print(f'sub-{label} written')
                progress.advance(task)
    except UsageError as error:
        print(f'deepmir-simulate: {error}', file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='deepmir-simulate',
        description='Write a BIDS dataset of simulated SWI, QSM and T2w images with known '
        'microbleeds and iron deposits; the truth is in OUT/derivatives/truth. '
        'About half a minute and 2.5 GB a participant.',
    )
    parser.add_argument('out', type=Path, metavar='OUT', help='a folder that is new or empty')
    parser.add_argument(
        '--participants', type=positive, default=2, metavar='N', help='how many (default: 2)'
    )
    parser.add_argument(
        '--seed',
        type=whole_not_negative,
        default=0,
        metavar='S',
        help='the same seed gives the same dataset (default: 0)',
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
