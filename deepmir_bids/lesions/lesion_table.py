"""The lesion table: its columns, and rows of text as a table with numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import AGAIN, MISSING, as_number, read_rows
from deepmir_bids.data import load
from deepmir_bids.errors import InputError

#: Columns that hold text.
TEXT = ('name', 'class', 'structure', 'region', 'flags')
#: Columns that a table has in every version.
NEEDED = ('index', 'name', 'class', 'x', 'y', 'z')
#: What a review adds to a row: which table it comes from, the reader's words, and what it counts
#: as in the end (missing for what is no lesion).
REVIEWED = ('found_as', 'verdict', 'reviewed_class', 'comment', 'reader', 'final_class')


@cache
def columns() -> dict[str, dict[str, Any]]:
    """Columns of the lesion table in their order, each with its BIDS description."""
    return json.loads(load('lesion_columns.json').read_text(encoding='utf-8'))


def read_lesions(path: Path) -> list[dict[str, str]]:
    """Read the rows of a lesion table, as text.

    Raises
    ------
    InputError
        A column is missing, a class is unknown, or a number is none.

    """
    rows = read_rows(path, NEEDED)
    for row in rows:
        if row['class'] not in CLASSES:
            raise InputError(f'{path} has the unknown class "{row["class"][:60]}": {AGAIN}.')
        for name, cell in row.items():
            if name in columns() and name not in TEXT and (name in NEEDED or cell != MISSING):
                as_number(path, cell)
    return rows


def as_table(rows: Iterable[Mapping[str, Any]], before: Sequence[str] = ()) -> pd.DataFrame:
    """Turn rows of text into a table, with numbers where numbers belong.

    Parameters
    ----------
    rows
        With the columns of the lesion table and those of :data:`REVIEWED`; what a row lacks is
        missing.
    before
        Columns that the table begins with.

    """
    table = pd.DataFrame(list(rows), columns=[*before, *columns(), *REVIEWED])
    for name in columns():
        if name not in TEXT:
            table[name] = pd.to_numeric(table[name], errors='coerce')
    for name in (*TEXT, *REVIEWED):
        table[name] = table[name].astype(object)
        table[name] = table[name].where(table[name].notna() & (table[name] != MISSING), None)
    return table
