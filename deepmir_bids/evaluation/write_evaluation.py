"""What an evaluation leaves in a folder: tables, one JSON file with the figures, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.evaluation.evaluation_plots import (
    plot_bland_altman,
    plot_froc,
    plot_sensitivity_by_size,
)
from deepmir_bids.evaluation.evaluation_tables import Evaluation


def write_evaluation(evaluation: Evaluation, out: Path) -> None:
    """Write ``<table>.tsv``, ``summary.json`` and ``figures/`` into a folder."""
    pictures = out / 'figures'
    pictures.mkdir(parents=True, exist_ok=True)
    tables = evaluation.tables
    for name, table in tables.items():
        write_tsv(table, out / f'{name}.tsv')
    content = json.dumps(as_json(evaluation), indent=2, ensure_ascii=False)
    (out / 'summary.json').write_text(f'{content}\n', encoding='utf-8')
    plot_froc(tables['froc'], tables['summary'], pictures / 'froc.png')
    plot_bland_altman(tables['subjects'], pictures / 'bland_altman.png')
    plot_sensitivity_by_size(tables['by_size'], pictures / 'sensitivity_by_size.png')


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Facts and figures by rule or group, class and measure; None for what is undefined."""
    groups = {'summary': 'rule', 'by_size': 'size', 'by_region': 'region'}
    nested: dict[str, Any] = dict(evaluation.facts)
    for name, column in groups.items():
        inner: dict[str, Any] = {}
        for row in evaluation.tables[name].to_dict('records'):
            values = {
                key: None if pd.isna(value) else round(value, 6)
                for key, value in row.items()
                if key not in (column, 'class', 'measure')
            }
            by_class = inner.setdefault(row[column], {}).setdefault(row['class'], {})
            by_class[row['measure']] = values
        nested[name] = inner
    return nested
