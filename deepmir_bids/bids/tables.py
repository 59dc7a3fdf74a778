"""Tables as BIDS wants them: tab-separated, ``n/a`` for what is missing, described in JSON."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def write_tsv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table with four decimals at most; every missing value becomes ``n/a``."""
    table.round(4).to_csv(path, sep='\t', index=False, na_rep='n/a', lineterminator='\n')
    return path


def read_tsv(path: Path) -> pd.DataFrame:
    """Read a table back; ``n/a`` is missing, everything else is kept as it is written."""
    return pd.read_csv(path, sep='\t', na_values=['n/a'], keep_default_na=False)
