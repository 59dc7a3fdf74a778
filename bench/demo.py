"""Simulate two participants, find their lesions, and compare with the truth.

``python bench/demo.py FOLDER`` leaves ``bids``, ``deepmir``, ``evaluation`` and ``work`` there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deepmir_bids.cli import evaluate, run, simulate

SEED = 7


def main(folder: Path) -> int:
    """Run the demo in a folder; return the exit status."""
    raw, out = folder / 'bids', folder / 'deepmir'
    shutil.rmtree(folder, ignore_errors=True)
    status = simulate.main([str(raw), '--participants', '2', '--seed', str(SEED)])
    status |= run.main([str(raw), str(out), 'participant', '--work-dir', str(folder / 'work')])
    if status:
        return status
    print('\nLesions found against the true ones')
    truth = raw / 'derivatives' / 'truth'
    status = evaluate.main([str(truth), str(out), '--out', str(folder / 'evaluation')])
    print(f'\nResults: {out}\nPages:   {", ".join(map(str, sorted(out.glob("*.html"))))}')
    return status


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
