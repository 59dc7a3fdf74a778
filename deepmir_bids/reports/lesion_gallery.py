"""Every lesion and candidate of a unit, to be looked at and judged."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from deepmir_bids.bids.output_files import REVIEW_FILE
from deepmir_bids.lesions.reader_review import REVIEWED_CLASSES, SAVED, WORDS
from deepmir_bids.reports.html_pieces import render, web_text
from deepmir_bids.reports.lesion_tiles import HALF_WIDTH_MM, Images, lesion_tiles

#: Column of the lesion table → what a card calls it, its unit and its decimals.
FACTS = {
    'structure': ('Structure', '', None),
    'region': ('Region', '', None),
    'diameter_mm': ('Diameter', 'mm', 1),
    'volume_mm3': ('Volume', 'mm³', 1),
    'elongation': ('Elongation', '', 1),
    'chi_mean_ppm': ('Mean susceptibility', 'ppm', 3),
    'chi_max_ppm': ('Largest', 'ppm', 3),
    'swi_contrast': ('Contrast in SWI', '', 2),
    'edge_distance_mm': ('From the edge', 'mm', 1),
    'flags': ('Flags', '', None),
}


def gallery_html(unit: str, images: Images, lesions: pd.DataFrame, *, reviewed: bool) -> str:
    """Show each lesion, the most probable first, then what stayed just under its threshold.

    Parameters
    ----------
    unit
        Label of the unit, which names the file of the review.
    images
        Of the unit, with the indices of lesions and candidates in its labels.
    lesions
        Lesions and candidates (:func:`deepmir_bids.lesions.reader_review.read_reviewed_lesions`).
    reviewed
        Whether a reader has saved a review of them.

    """
    counted = lesions['found_as'] == 'lesion'
    groups = [
        ('', lesions[counted].sort_values('probability', ascending=False, kind='stable')),
        ('Candidates below the threshold', lesions[~counted]),
    ]
    shown = [
        {'title': title, 'cards': [_card(images, row) for row in table.to_dict('records')]}
        for title, table in groups
        if len(table)
    ]
    return render(
        'gallery.html.j2',
        groups=shown,
        labels=REVIEWED_CLASSES,
        half_width_mm=HALF_WIDTH_MM,
        data=review_data(unit, lesions, reviewed=reviewed),
        script=web_text('review.js'),
    )


def review_data(unit: str, lesions: pd.DataFrame, *, reviewed: bool) -> dict[str, Any]:
    """What the page's script has to know: whom it shows, and what was said before."""
    rows = lesions[['index', 'name', 'class', 'x', 'y', 'z']]
    words = lesions.reindex(columns=['index', *WORDS]).astype(object)
    before = words.to_dict('records') if reviewed else []
    content = rows.to_csv(index=False) + repr(before)
    return {
        'unit': unit,
        'file': f'{unit}{REVIEW_FILE}',
        'rows': rows.astype(object).to_dict('records'),
        'counted': int((lesions['found_as'] == 'lesion').sum()),
        'columns': list(SAVED),
        'labels': list(REVIEWED_CLASSES),
        'review': before,
        # Another run, or another review on disk: what this browser remembers is out of date.
        'fingerprint': hashlib.sha256(content.encode()).hexdigest()[:16],
    }


def _card(images: Images, row: Mapping[Hashable, Any]) -> dict[str, Any]:
    centre = np.array([row['x'], row['y'], row['z']], dtype=float)
    return {
        'index': row['index'],
        'name': row['name'],
        'class': row['class'],
        'probability': row['probability'],
        'tiles': list(lesion_tiles(images, row['index'], centre)),
        'facts': [
            (title, _say(row[column], unit, decimals))
            for column, (title, unit, decimals) in FACTS.items()
        ],
    }


def _say(value: Any, unit: str, decimals: int | None) -> str:
    if pd.isna(value):
        return '–'
    return f'{value:.{decimals}f} {unit}'.strip() if decimals is not None else str(value)
