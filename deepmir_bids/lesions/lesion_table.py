"""The lesion table: its columns, and rows of text as a table with numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from deepmir_bids.bids.tsv import MISSING
from deepmir_bids.data import load

#: Columns that hold text.
TEXT = ('name', 'class', 'structure', 'region', 'flags')
#: What a review adds to a row: which table it comes from, the reader's words, and what it counts
#: as in the end (missing for what is no lesion).
REVIEWED = ('found_as', 'verdict', 'reviewed_class', 'comment', 'final_class')


@cache
def columns() -> dict[str, dict[str, Any]]:
    """Columns of the lesion table in their order, each with its BIDS description."""
    return json.loads(load('lesion_columns.json').read_text(encoding='utf-8'))


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
