"""A reader's verdict on each lesion, and what it makes of the lesion table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import MISSING, read_rows
from deepmir_bids.errors import InputError

COLUMNS = ('index', 'name', 'class', 'verdict', 'reviewed_class', 'comment', 'x', 'y', 'z')
VERDICTS = ('accepted', 'rejected', 'relabelled')
#: What a reader may call it, in the order of the page's keys; only the classes of
#: :data:`deepmir_bids.CLASSES` are lesions.
REVIEWED_CLASSES = (*CLASSES, 'vein', 'calcification', 'other')
#: A lesion that lies further away than this is not the one that was looked at.
SAME_PLACE_MM = 0.1

ANEW = 'review the report of this run and save it again, or take the file away'


class Progress(NamedTuple):
    """How many of a unit's lesions a reader has looked at; candidates need no verdict."""

    looked_at: int
    of: int

    @property
    def status(self) -> str:
        """Say none, partial or complete; where there is no lesion, there is nothing left to do."""
        if self.looked_at == self.of:
            return 'complete'
        return 'partial' if self.looked_at else 'none'


def read_review(path: Path, lesions: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """
    Read a review, and make sure that it is one of these lesions.

    Parameters
    ----------
    path
        A ``*_desc-review_dseg.tsv``.
    lesions, candidates
        Tables of the unit.

    Returns
    -------
    DataFrame
        :data:`COLUMNS`; one row for each lesion, then for each candidate, in their order.

    Raises
    ------
    InputError
        A column is missing, or the rows belong to other lesions, or a verdict is unknown or
        contradicts itself.

    """
    rows = read_rows(path)
    lacking = [name for name in COLUMNS if rows and name not in rows[0]]
    if lacking:
        raise InputError(f'{path} has no column {", ".join(lacking)}: {ANEW}.')
    known = [*_lesions_of(lesions), *_lesions_of(candidates)]
    if len(rows) != len(known):
        raise InputError(
            f'{path} has {len(rows)} rows, where this run has {len(known)} lesions and '
            f'candidates: {ANEW}.'
        )
    cells = [_check(path, row, lesion) for row, lesion in zip(rows, known, strict=True)]
    return pd.DataFrame(cells, columns=list(COLUMNS))


def apply_review(
    lesions: pd.DataFrame, candidates: pd.DataFrame, review: pd.DataFrame
) -> pd.DataFrame:
    """
    Return the lesions as reviewed.

    Parameters
    ----------
    lesions, candidates
        Tables of the unit.
    review
        Its review, from :func:`read_review`.

    Returns
    -------
    DataFrame
        As the lesion table: lesions and candidates that were accepted or called one of the
        lesion classes, with their class as reviewed, and lesions that nobody looked at, as they
        were found. ``found_class`` keeps the class as found.

    """
    tables = [table for table in (lesions, candidates) if len(table)]
    both = pd.concat(tables, ignore_index=True) if tables else lesions.copy()
    verdict = review['verdict'].to_numpy(dtype=object)
    relabelled = verdict == 'relabelled'
    both['found_class'] = both['class']
    both['class'] = both['class'].where(~relabelled, review['reviewed_class'])
    unseen_lesion = review['verdict'].isna().to_numpy() & (np.arange(len(both)) < len(lesions))
    still_a_lesion = relabelled & both['class'].isin(list(CLASSES)).to_numpy()
    kept = (verdict == 'accepted') | still_a_lesion | unseen_lesion
    return both[kept].reset_index(drop=True)


def progress(lesions: pd.DataFrame, review: pd.DataFrame | None) -> Progress:
    """Count the lesions that have a verdict; ``review`` is None where there is none."""
    looked_at = 0 if review is None else int(review['verdict'][: len(lesions)].notna().sum())
    return Progress(looked_at, len(lesions))


def reviewed_classes(labels: np.ndarray, reviewed: pd.DataFrame) -> np.ndarray:
    """
    Draw the lesions as reviewed, to train with.

    Parameters
    ----------
    labels
        Indices of lesions and candidates together, shape (X, Y, Z), 0 elsewhere.
    reviewed
        What :func:`apply_review` made of their tables.

    Returns
    -------
    array (X, Y, Z)
        uint8 with the values of :data:`deepmir_bids.CLASSES`.

    """
    values = np.zeros(max(int(labels.max()), reviewed['index'].max() if len(reviewed) else 0) + 1)
    values[reviewed['index'].to_numpy(dtype=int)] = reviewed['class'].map(CLASSES)
    return values.astype(np.uint8)[labels]


def _lesions_of(table: pd.DataFrame) -> list[tuple]:
    return list(zip(*(table[name].tolist() for name in ('index', 'class', *'xyz')), strict=True))


def _check(path: Path, row: dict[str, str], lesion: Sequence) -> list:
    """Turn a row's cells into values, if it belongs to a lesion and makes sense."""
    index, found_class, *place = lesion
    try:
        there = [float(row[axis]) for axis in 'xyz']
        near = all(abs(a - b) <= SAME_PLACE_MM for a, b in zip(there, place, strict=True))
        same = near and int(row['index']) == index and row['class'] == found_class
    except ValueError:
        same = False
    if not same:
        raise InputError(
            f'{path}: the row of {row["name"]} (index {row["index"]}) is about another lesion '
            f'than number {index} of this run: {ANEW}.'
        )
    verdict, reviewed_class, comment = (
        None if row[name] in (MISSING, '') else row[name]
        for name in ('verdict', 'reviewed_class', 'comment')
    )
    allowed = {
        None: (None,),
        'accepted': (found_class,),
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
    return [index, row['name'], found_class, verdict, reviewed_class, comment, *there]
