"""A reader's verdicts for the same lesions as another threshold finds them.

Indices and outlines of candidates change with a threshold; where a lesion lies does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import MISSING, as_number, read_rows, rows_as_tsv
from deepmir_bids.lesions.connected_lesions import SAME_LESION_MM
from deepmir_bids.lesions.lesion_table import read_lesions
from deepmir_bids.lesions.reader_review import ANEW, COLUMNS, SAVED, WORDS


def transfer_review(review: Path, tables: Iterable[Path]) -> str:
    """Write a review of other tables, with the verdicts of those lesions that are the same.

    Parameters
    ----------
    review
        Of an earlier run.
    tables
        Of this run's lesions, and of its candidates.

    Returns
    -------
    str
        The review of this run, as a table.

    """
    words = [row for row in read_rows(review, COLUMNS, ANEW) if _says_something(row)]
    places = _places(review, words)
    rows = []
    for lesion in (row for table in tables for row in read_lesions(table)):
        place = np.array([float(lesion[axis]) for axis in 'xyz'])
        apart = np.linalg.norm(places - place, axis=1)
        apart[[row['class'] != lesion['class'] for row in words]] = np.inf
        same = words[int(apart.argmin())] if (apart <= SAME_LESION_MM).any() else {}
        rows.append({**lesion, **{name: same.get(name, MISSING) for name in WORDS}})
    return rows_as_tsv(rows, SAVED)


def judged_places(review: Path, affine: np.ndarray) -> dict[str, np.ndarray]:
    """Where a review says something: class → voxels (n, 3), not rounded, of a grid's affine."""
    words = [row for row in read_rows(review, COLUMNS, ANEW) if _says_something(row)]
    voxels = apply_affine(np.linalg.inv(affine), _places(review, words))
    return {name: voxels[[row['class'] == name for row in words]] for name in CLASSES}


def _says_something(row: dict[str, str]) -> bool:
    return any(row.get(name, MISSING) not in (MISSING, '') for name in ('verdict', 'comment'))


def _places(review: Path, rows: Sequence[dict[str, str]]) -> np.ndarray:
    """Centres (n, 3) in mm."""
    points = [[as_number(review, row[axis], ANEW) for axis in 'xyz'] for row in rows]
    return np.array(points, dtype=float).reshape(-1, 3)
