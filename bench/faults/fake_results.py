"""Results of a unit that bear the mark of a run in every file, so that a mixture shows."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from made_outputs import draw_lesions, write_unit

from deepmir_bids import INPUTS
from deepmir_bids.bids.output_files import DATATYPES, pieces_of
from deepmir_bids.bids.publishing import earlier_results, is_unfinished, publish
from faults.watching import keep

#: Runs in turn; the second one had no T2w, so that their files differ.
TAGS = ('one', 'two')


def make(folder: Path, label: str, tag: str, run: str = '') -> list[Path]:
    """Make a unit's results and pictures; every file but constant tables differs by the tag."""
    number = TAGS.index(tag) + 1
    lesions = draw_lesions([('CMB', 'lobar', 3.0)] * number, np.random.default_rng(number))
    anat = write_unit(folder, label, lesions, chi={'putamen': 0.1 * number})
    figures = anat.with_name('figures')
    figures.mkdir(exist_ok=True)
    for piece in pieces_of(INPUTS):
        if piece.extension == '.png':
            (figures / f'{label}{piece.ending}').touch()
    files = [folder / f'{label}.html', *anat.iterdir(), *figures.iterdir()]
    if tag == 'two':
        files = [path for path in files if 'desc-preproc_T2w' not in path.name]
    for path in files:
        if path.suffix == '.json':
            content = json.loads(path.read_text()) | {'Tag': tag}
            if path.name.endswith('desc-lesions_dseg.json'):
                content['Run'] = run
            path.write_text(json.dumps(content))
        elif path.suffix != '.tsv':
            path.write_bytes(tag.encode() * 500)
    return files


def bring(out_dir: str, label: str, tag: str, run: str) -> None:
    """Make them, and put them in their place as a run does."""
    with tempfile.TemporaryDirectory(dir='.') as folder:
        publish(make(Path(folder).resolve() / 'made', label, tag, run), Path(out_dir), label)


@functools.cache
def expected(label: str, tag: str) -> dict[str, bytes]:
    """Results as they have to lie in an output folder, their run's name aside."""
    with tempfile.TemporaryDirectory() as folder:
        # Beside the output folder lies the raw dataset, whose name stands in sidecars.
        made = make(Path(folder) / 'made', label, tag)
        return {str(p.relative_to(Path(folder) / 'made')): _content(p) for p in made}


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not path.name.endswith('desc-lesions_dseg.json'):
        return content
    return json.dumps(json.loads(content) | {'Run': ''}).encode()


def tag_of(out_dir: Path, label: str, tags: Iterable[str] = TAGS) -> str:
    """Which run's results a unit has, whole; ``unfinished`` if the next run has to finish them.

    Raises
    ------
    Broken
        They are of several runs, or not all there.

    """
    files = earlier_results(out_dir, label, DATATYPES)
    found = {str(path.relative_to(out_dir)): _content(path) for path in files}
    for tag in tags:
        if found == expected(label, tag):
            return tag
    lasting = set.intersection(*(set(expected(label, tag)) for tag in tags))
    lost = sorted(lasting - set(found))
    keep(not lost, f'{label} lacks {lost}')
    keep(is_unfinished(out_dir, label), f'{label} has files of several runs')
    return 'unfinished'
