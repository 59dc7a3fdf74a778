"""A reader's verdicts, and the one table that they make of lesions and candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import MISSING, read_rows
from deepmir_bids.errors import InputError
from deepmir_bids.lesions.lesion_table import as_table, read_lesions

#: Columns of a review in every version, and those that pages save today.
COLUMNS = ('index', 'name', 'class', 'verdict', 'reviewed_class', 'comment', 'x', 'y', 'z')
SAVED = (*COLUMNS, 'reader')
VERDICTS = ('accepted', 'rejected', 'relabelled')
#: What a reader may call it, in the order of the page's keys; only the classes of
#: :data:`deepmir_bids.CLASSES` are lesions.
REVIEWED_CLASSES = (*CLASSES, 'vein', 'calcification', 'other')
#: What a reader says of a lesion, and who it is.
WORDS = ('verdict', 'reviewed_class', 'comment', 'reader')
#: A lesion that lies further away than this is not the one that was looked at.
SAME_PLACE_MM = 0.1

ANEW = 'review the report of this run and save it again, or take the file away'


class ReviewProgress(NamedTuple):
    """How many of a unit's lesions a reader has looked at; candidates need no verdict."""

    looked_at: int
    of: int

    @property
    def status(self) -> str:
        """Say none, partial or complete; where there is no lesion, there is nothing left to do."""
        if self.looked_at == self.of:
            return 'complete'
        return 'partial' if self.looked_at else 'none'


def read_reviewed_lesions(files: Mapping[str, Path]) -> pd.DataFrame:
    """Read lesions and candidates of a unit, with a reader's verdicts where there are any.

    Parameters
    ----------
    files
        ``lesion_table``, ``candidate_table`` and perhaps ``review``, by their names in the table
        of results.

    Returns
    -------
    DataFrame
        Columns of the lesion table and of :data:`deepmir_bids.lesions.lesion_table.REVIEWED`, a
        row for each lesion, then for each candidate, in their order.

    Raises
    ------
    InputError
        As :func:`reviewed_rows`.

    """
    return as_table(reviewed_rows(files))


def reviewed_rows(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Make the rows of :func:`read_reviewed_lesions`, as text: a cohort has many thousands.

    Raises
    ------
    InputError
        A column of the review is missing, or its rows belong to other lesions, or a verdict is
        unknown or contradicts itself.

    """
    rows: list[dict[str, Any]] = [
        {**row, 'found_as': found_as}
        for found_as in ('lesion', 'candidate')
        for row in read_lesions(files[f'{found_as}_table'])
    ]
    verdicts = _read_verdicts(files['review'], rows) if 'review' in files else [{}] * len(rows)
    for row, words in zip(rows, verdicts, strict=True):
        row |= dict.fromkeys(WORDS) | words
        row['final_class'] = _final_class(row)
    return rows


def review_progress(lesions: pd.DataFrame) -> ReviewProgress:
    """Count the lesions that have a verdict, in what :func:`read_reviewed_lesions` gives."""
    counted = lesions[lesions['found_as'] == 'lesion']
    return ReviewProgress(int(counted['verdict'].notna().sum()), len(counted))


def draw_final_classes(labels: np.ndarray, lesions: pd.DataFrame) -> np.ndarray:
    """Draw the lesions as reviewed, to train with.

    Parameters
    ----------
    labels
        Indices of lesions and candidates together, shape (X, Y, Z), 0 elsewhere.
    lesions
        What :func:`read_reviewed_lesions` gives.

    Returns
    -------
    array (X, Y, Z)
        uint8 with the values of :data:`deepmir_bids.CLASSES`.

    """
    final = lesions[lesions['final_class'].notna()]
    values = np.zeros(max(int(labels.max()), *lesions['index'], 0) + 1, dtype=np.uint8)
    values[final['index'].to_numpy(dtype=int)] = final['final_class'].map(CLASSES)
    return values[labels]


def _final_class(row: Mapping[str, Any]) -> str | None:
    """What a lesion or candidate counts as: nobody's verdict leaves a lesion as it was found."""
    if row['verdict'] is None:
        return row['class'] if row['found_as'] == 'lesion' else None
    return row['reviewed_class'] if row['reviewed_class'] in CLASSES else None


def _read_verdicts(
    path: Path, lesions: Sequence[Mapping[str, str]]
) -> list[dict[str, str | None]]:
    """What was said of each lesion, by whom, if the review is one of these lesions."""
    rows = read_rows(path, COLUMNS, ANEW)
    if len(rows) != len(lesions):
        raise InputError(
            f'{path} has {len(rows)} rows, where this run has {len(lesions)} lesions and '
            f'candidates: {ANEW}.'
        )
    return [_check(path, row, lesion) for row, lesion in zip(rows, lesions, strict=True)]


def _check(path: Path, row: Mapping[str, str], lesion: Mapping[str, str]) -> dict[str, str | None]:
    """Read a row's words, if it belongs to a lesion and makes sense."""
    if not _same(row, lesion):
        raise InputError(
            f'{path}: the row of {row["name"]} (index {row["index"]}) is about another lesion '
            f'than number {lesion["index"]} of this run: {ANEW}.'
        )
    words = {name: None if row.get(name, '') in (MISSING, '') else row[name] for name in WORDS}
    verdict, reviewed_class = words['verdict'], words['reviewed_class']
    allowed: dict[str | None, tuple[str | None, ...]] = {
        None: (None,),
        'accepted': (lesion['class'],),
        'rejected': (None,),
        'relabelled': REVIEWED_CLASSES,
    }
    if verdict not in allowed:
        raise InputError(
            f'{path}: {row["name"]} has the verdict "{verdict}": it must be '
            f'{", ".join(VERDICTS)} or n/a.'
        )
    if reviewed_class not in allowed[verdict]:
        names = ' or '.join(name or MISSING for name in allowed[verdict])
        raise InputError(
            f'{path}: {row["name"]} is {verdict or "not looked at"} with the reviewed_class '
            f'"{reviewed_class or MISSING}": it must be {names}.'
        )
    return words


def _same(row: Mapping[str, str], lesion: Mapping[str, str]) -> bool:
    try:
        near = all(abs(float(row[a]) - float(lesion[a])) <= SAME_PLACE_MM for a in 'xyz')
        same_index = int(row['index']) == int(lesion['index'])
    except ValueError:
        return False
    return same_index and row['class'] == lesion['class'] and near
