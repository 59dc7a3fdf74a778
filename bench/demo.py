"""Simulate two participants, find their lesions, and compare with the truth.

``python bench/demo.py FOLDER`` leaves ``bids``, ``deepmir`` and ``work`` there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd

from deepmir_bids.cli import run, simulate
from deepmir_bids.lesions.matching import score_datasets

SEED = 7


def main(folder: Path) -> int:
    """Run the demo in a folder; return the exit status."""
    raw, out = folder / 'bids', folder / 'deepmir'
    shutil.rmtree(folder, ignore_errors=True)
    status = simulate.main([str(raw), '--participants', '2', '--seed', str(SEED)])
    status |= run.main([str(raw), str(out), 'participant', '--work-dir', str(folder / 'work')])
    if status:
        return status
    scores = score_datasets(raw / 'derivatives' / 'truth', out)
    print('\nLesions found against the true ones')
    print(pd.DataFrame(scores).to_string(index=False))
    print(f'\nResults: {out}\nPages:   {", ".join(map(str, sorted(out.glob("*.html"))))}')
    return 0


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
