"""Simulate two participants, find their lesions, sum them up, and compare with the truth.

``python bench/demo.py FOLDER`` leaves ``bids``, ``deepmir``, ``evaluation`` and ``work`` there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deepmir_bids.cli import deepmir, deepmir_evaluate, deepmir_simulate

SEED = 7


def main(folder: Path) -> int:
    """Run the demo in a folder; return the exit status."""
    raw, out = folder / 'bids', folder / 'deepmir'
    shutil.rmtree(folder, ignore_errors=True)
    status = deepmir_simulate.main([str(raw), '--participants', '2', '--seed', str(SEED)])
    status |= deepmir.main([str(raw), str(out), 'participant', '--work-dir', str(folder / 'work')])
    status |= deepmir.main([str(raw), str(out), 'group'])
    if status:
        return status
    print('\nLesions found against the true ones')
    truth = raw / 'derivatives' / 'truth'
    status = deepmir_evaluate.main([str(truth), str(out), '--out', str(folder / 'evaluation')])
    pages = '\n  '.join(str(page) for page in sorted(out.glob('*.html')))
    print(f'\nResults: {out}\nPages to open in a browser:\n  {pages}')
    return status


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
