"""What was found, and from what, at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import REGIONS
from deepmir_bids.anatomy.structure_kinds import kind_of, split_side
from deepmir_bids.lesions.reader_review import review_progress
from deepmir_bids.reports.html_pieces import render

CAUTION = (
    'Research use only. The default network learned from simulated images and has not been '
    'validated on patients: a reader has to check each lesion.'
)
#: Kinds of the deep nuclei, in the order in which they are shown.
NUCLEI = (
    'caudate',
    'putamen',
    'pallidum',
    'accumbens',
    'thalamus',
    'subthalamic nucleus',
    'substantia nigra',
    'red nucleus',
    'dentate',
)


def summary_html(
    lesions: pd.DataFrame, facts: Mapping[str, Any], operating_point: str, review: str = ''
) -> str:
    """Count the lesions by class and region, and say what the result rests on.

    Parameters
    ----------
    lesions
        Lesions and candidates (:func:`deepmir_bids.lesions.reader_review.read_reviewed_lesions`).
    facts
        Name and value of each thing to say about the run.
    operating_point
        Of the run.
    review
        What a reader made of them, in a sentence; empty if nobody looked.

    """
    counted = lesions[lesions['found_as'] == 'lesion']
    rows = []
    for name in CLASSES:
        own = counted[counted['class'] == name]
        places = own['structure'].value_counts()
        rows.append(
            {
                'name': name,
                'counts': [int((own['region'] == region).sum()) for region in REGIONS],
                'all': len(own),
                'where': ', '.join(
                    f'{place} ({n})' if n > 1 else str(place) for place, n in places.items()
                ),
            }
        )
    return render(
        'summary.html.j2',
        caution=CAUTION,
        operating_point=operating_point,
        regions=list(REGIONS),
        rows=rows,
        facts=facts,
        review=review,
    )


def review_sentence(lesions: pd.DataFrame) -> str:
    """What a reader made of the lesions, in a sentence; of lesions as for `summary_html`."""
    looked_at, of = review_progress(lesions)
    verdicts = ', '.join(
        f'{n} {verdict}' for verdict, n in lesions['verdict'].value_counts().items()
    )
    counts = lesions['final_class'].value_counts()
    reviewed = ', '.join(f'{counts.get(name, 0)} {name}' for name in CLASSES)
    return (
        f'{looked_at} of {of} lesions were judged ({verdicts or "no verdict"}); '
        f'that leaves {reviewed}.'
    )


def nuclei_html(structures: pd.DataFrame, atlas: str) -> str:
    """Susceptibility and volume of the deep nuclei, from the table of a unit's structures."""
    rows = structures.to_dict('records')
    nuclei: dict[str, dict[str, Any]] = {}
    for kind in NUCLEI:
        for row in rows:
            side, name = split_side(str(row['name']))
            if side and (row.get('kind') or kind_of(str(row['name']))) == kind:
                nuclei.setdefault(name, {})[side] = row
    return render('nuclei.html.j2', nuclei=nuclei, atlas=atlas)
