"""Tables as BIDS wants them: tab-separated, ``n/a`` for what is missing, described in JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

MISSING = 'n/a'


def as_tsv(table: pd.DataFrame) -> str:
    """Write a table as text with four decimals at most; every missing value becomes ``n/a``.

    BIDS knows no quotes: what would break a row (tab, newline) becomes a space.
    """
    plain = table.round(4)
    for name in plain.columns:
        if not pd.api.types.is_numeric_dtype(plain[name]):
            plain[name] = plain[name].map(one_line)
    return plain.to_csv(
        sep='\t', index=False, na_rep=MISSING, lineterminator='\n', quoting=csv.QUOTE_NONE
    )


def write_tsv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table to a file, as :func:`as_tsv` does."""
    path.write_text(as_tsv(table), encoding='utf-8')
    return path


def read_tsv(path: Path) -> pd.DataFrame:
    """Read a table back; ``n/a`` is missing, everything else is kept as it is written."""
    return pd.read_csv(
        path, sep='\t', na_values=[MISSING], keep_default_na=False, quoting=csv.QUOTE_NONE
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a small table as text, ``n/a`` included.

    A cohort has tens of thousands of such tables, for which pandas takes minutes. A byte order
    mark is passed over; a row that is too short is filled with ``n/a``.
    """
    text = path.read_text(encoding='utf-8-sig', errors='replace')
    lines = [line for line in text.split('\n') if line.strip()]
    if not lines:
        return []
    header = lines[0].split('\t')
    rows = (line.split('\t') for line in lines[1:])
    return [
        dict(zip(header, row + [MISSING] * (len(header) - len(row)), strict=False)) for row in rows
    ]


def rows_as_tsv(rows: Iterable[Mapping[str, str | None]], columns: Sequence[str]) -> str:
    """Write rows as text; an absent, empty or missing value becomes ``n/a``."""
    lines = [[str(one_line(row.get(name)) or MISSING) for name in columns] for row in rows]
    return ''.join('\t'.join(line) + '\n' for line in [list(columns), *lines])


def one_line(value):
    """Put a text on one line and into one cell; leave everything else alone."""
    return ' '.join(value.split()) if isinstance(value, str) else value
