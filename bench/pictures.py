"""Make the pictures of the README from a finished demo.

``python bench/pictures.py DEMO_FOLDER`` writes ``docs/images``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deepmir_bids.bids.layout import collect_units
from deepmir_bids.bids.results import read_results
from deepmir_bids.bids.tables import read_tsv
from deepmir_bids.reports.gallery import Images, plot_gallery
from deepmir_bids.settings import Settings

IMAGES = Path(__file__).parents[1] / 'docs' / 'images'
#: So many lesions of each class.
SHOWN = 2


def main(folder: Path) -> int:
    """Draw the most probable lesions of each class in the participant who has most."""
    raw, out = folder / 'bids', folder / 'deepmir'
    units = collect_units(Settings(raw, out, folder / 'work'))
    results = [(unit, read_results(out, unit).files) for unit in units]
    unit, files = max(results, key=lambda pair: len(read_tsv(pair[1]['table'])))
    table = read_tsv(files['table']).sort_values('probability', ascending=False)
    IMAGES.mkdir(parents=True, exist_ok=True)
    images = Images.load(unit.swi, files['lesions'], files.get('qsm'), files.get('t2w'))
    plot_gallery(images, table.groupby('class').head(SHOWN), IMAGES / 'lesions.png')
    return 0


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
