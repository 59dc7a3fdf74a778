"""What was found, and from what, at a glance."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.structures import REGIONS

CAUTION = (
    'Research use only. The default network learned from simulated images and has not been '
    'validated on patients: a reader has to check each lesion.'
)


def summary_html(
    table: pd.DataFrame, facts: Mapping[str, Any], notes: Sequence[str], brain_volume_ml: float
) -> str:
    """
    Count the lesions by class and region, and say what the result rests on.

    Parameters
    ----------
    table
        The lesion table.
    facts
        Name and value of each thing to say about the run.
    notes
        Sentences on what was chosen, mended or converted.
    brain_volume_ml
        Volume of the brain mask.

    """
    counts = table.groupby(['class', 'region']).size().to_dict()
    head = ''.join(f'<th>{region}</th>' for region in [*REGIONS, 'all'])
    rows = ''.join(
        f'<tr><th>{name}</th>'
        + ''.join(f'<td>{counts.get((name, region), 0)}</td>' for region in REGIONS)
        + f'<td><b>{int((table["class"] == name).sum())}</b></td></tr>'
        for name in CLASSES
    )
    lines = [
        f'<li>{escape(str(name))}: {escape(str(value))}</li>'
        for name, value in {**facts, 'Brain mask': f'{brain_volume_ml:.0f} mL'}.items()
    ]
    lines += [f'<li>Note: {escape(note)}</li>' for note in notes]
    return (
        f'<p class="alert alert-warning">{CAUTION}</p>'
        f'<table class="table" style="width: auto"><tr><th></th>{head}</tr>{rows}</table>'
        f'<ul>{"".join(lines)}</ul>'
    )


def gallery_html(table: pd.DataFrame, picture: Path) -> str:
    """Put the lesions' pictures and their table into one piece of a page."""
    if table.empty:
        return '<p>No lesion was found at this operating point.</p>'
    image = base64.b64encode(picture.read_bytes()).decode()
    rows = table.round(2).to_html(index=False, na_rep='', classes='table table-sm', border=0)
    return (
        f'<img alt="Each lesion in SWI, minIP, QSM and T2w" style="max-width: 100%" '
        f'src="data:image/png;base64,{image}">'
        f'<div style="overflow-x: auto">{rows}</div>'
    )
