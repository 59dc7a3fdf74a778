"""Tables as BIDS wants them: tab-separated, ``n/a`` for what is missing, described in JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from deepmir_bids.bids.text_files import read_text
from deepmir_bids.errors import InputError, in_brief

MISSING = 'n/a'
#: What helps where one of deepmir's own tables is wrong.
AGAIN = 'run deepmir again'
#: Cells for each letter of a table: a tab ends each, but short rows are filled up with more.
MOST_FILLED = 10


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
    """Read a table back; ``n/a`` is missing, everything else is kept as it is written.

    Raises
    ------
    InputError
        It is no table.

    """
    text = read_text(Path(path), AGAIN, most_bytes=None)
    try:
        return pd.read_csv(
            io.StringIO(text),
            sep='\t',
            na_values=[MISSING],
            keep_default_na=False,
            quoting=csv.QUOTE_NONE,
        )
    except (ValueError, OverflowError, RuntimeError, MemoryError) as error:
        raise InputError(f'{path} is no table ({in_brief(error)}): {AGAIN}.') from error


def read_rows(path: Path, needed: Iterable[str] = (), cure: str = AGAIN) -> list[dict[str, str]]:
    """Read the rows of a small table as text, ``n/a`` included.

    A cohort has tens of thousands of such tables, for which pandas takes minutes. A byte order
    mark is passed over; a row that is too short is filled with ``n/a``.

    Parameters
    ----------
    path
        The table.
    needed
        Columns that it has to have, with or without rows.
    cure
        What the error tells to do.

    Raises
    ------
    InputError
        It cannot be read, or lacks a column, or its rows are no rows of its columns.

    """
    text = read_text(path, cure, most_bytes=None, errors='replace')
    lines = [line for line in text.split('\n') if line.strip()]
    header = lines[0].split('\t') if lines else []
    if lacking := [name for name in needed if name not in header]:
        raise InputError(f'{path} has no column {", ".join(lacking)}: {cure}.')
    if len(header) * len(lines) > MOST_FILLED * (len(text) + 1):
        raise InputError(f'{path} has rows far shorter than its {len(header):,} columns: {cure}.')
    rows = (line.split('\t') for line in lines[1:])
    return [
        dict(zip(header, row + [MISSING] * (len(header) - len(row)), strict=False)) for row in rows
    ]


def as_number(path: Path, cell: str, cure: str = AGAIN) -> float:
    """Read a cell that has to hold a finite number (InputError if it does not)."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f'{path} has "{one_line(cell)[:60]}" where a number is needed: {cure}.')
    return value


def rows_as_tsv(rows: Iterable[Mapping[str, str | None]], columns: Sequence[str]) -> str:
    """Write rows as text; an absent, empty or missing value becomes ``n/a``."""
    lines = [[str(one_line(row.get(name)) or MISSING) for name in columns] for row in rows]
    return ''.join('\t'.join(line) + '\n' for line in [list(columns), *lines])


def one_line(value):
    """Put a text on one line and into one cell; leave everything else alone."""
    return ' '.join(value.split()) if isinstance(value, str) else value
