"""``python -m faults``: do faults to deepmir, and write down what came of them.

Without options this is the whole campaign. It returns 1 if a rule was broken, and says with which
options that trial is repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from faults.campaign import FAULTS, as_json, try_fault
from faults.page import write_page


def main() -> int:
    """Run a campaign; return 1 if a rule was broken."""
    names = [fault.name for fault in FAULTS]
    parser = argparse.ArgumentParser(prog='faults', description=__doc__)
    parser.add_argument('--share', type=float, default=1.0, help='of the campaign')
    parser.add_argument('--only', nargs='+', choices=names, default=names, help='these faults')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--trial', type=int, help='this trial alone')
    parser.add_argument('--json', type=Path, help='file for the figures')
    parser.add_argument('--page', type=Path, help='file for the page about them')
    given = parser.parse_args()
    print(f'seed {given.seed}, {given.share:g} of the campaign', flush=True)
    all_figures = []
    for fault in FAULTS:
        if fault.name in given.only:
            figures = try_fault(fault, given.seed, given.share, given.trial)
            all_figures.append(figures)
            word = f'{len(figures.broken)} BROKEN' if figures.broken else 'held'
            times = f'{figures.tried.total():9,} tried  {figures.seconds:6.0f} s'
            print(f'{fault.name:12} {times} ({figures.cpu_s:.0f} s CPU)  {word}', flush=True)
            content = as_json(all_figures, given.seed, given.share)
            if given.json:
                given.json.write_text(json.dumps(content, indent=2) + '\n')
            if given.page:
                write_page(content, given.page)
    return int(any(figures.broken for figures in all_figures))


if __name__ == '__main__':
    sys.exit(main())
