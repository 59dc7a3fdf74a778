"""Precision and sensitivity against threshold, for the cohort's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from deepmir_bids.evaluation.site_thresholds import (
    LEAST_FINDINGS,
    LEAST_PARTICIPANTS,
    MEASURES,
)
from deepmir_bids.group.site_review import ClassReview, SiteReview

TITLES = {'CMB': 'Microbleeds', 'iron': 'Iron deposits'}
#: Rows of the table below a curve, beside the present and the suggested point.
ROWS = 10


def threshold_curves(site: SiteReview) -> Iterator[dict[str, Any]]:
    """Curves of the classes of which something was judged, what they say, and their figures."""
    for one in site.classes:
        table = one.table
        if not len(table):
            continue
        points = {'present': one.present}
        if one.suggested is not None:
            points['suggested'] = one.suggested
        numbers = ['threshold', *(f'{m}{end}' for m in MEASURES for end in ('', '_low', '_high'))]
        every = max(len(table) // ROWS, 1)
        shown = table['point'].notna() | (np.arange(len(table)) % every == 0)
        yield {
            'id': f'threshold-{one.name}',
            'title': f'{TITLES[one.name]}: precision and sensitivity',
            'says': says(one, site.participants),
            'points': points,
            'rows': table[shown].astype(object).where(table[shown].notna(), None).assign(
                **table.loc[shown, numbers]
            ).to_dict('records'),
            **{name: [None if pd.isna(v) else round(v, 4) for v in table[name]]
               for name in numbers},
        }  # fmt: skip


def says(one: ClassReview, participants: int) -> str:
    """What the curve of a class says, how sure that is, and what more reviews would bring."""
    if one.suggestion is None or one.suggested is None:
        return (
            f'{participants} participants with {one.lesions} confirmed lesions are too few for a '
            f'suggestion: it takes {LEAST_PARTICIPANTS}, and {LEAST_FINDINGS} lesions or false '
            'findings.'
        )
    row = one.table[one.table['point'] == 'suggested'].iloc[0]
    now = one.table[one.table['point'] == 'present'].iloc[0]
    chosen_on = one.suggestion
    basis = f'from {chosen_on.lesions} confirmed lesions and {chosen_on.false} false findings'
    if one.suggested == one.present:
        said = (
            f'{basis.capitalize()}, nothing speaks against the present threshold of '
            f'{one.present:g}.'
        )
    else:
        said = f'Suggested: {one.suggested:g} instead of {one.present:g}, {basis}. '
        said += (
            f'F1 on these participants is {row["F1"]:.2f} there, and {now["F1"]:.2f} at present.'
            if chosen_on.lesions
            else 'That is what false findings alone say: confirmed lesions would say more.'
        )
    if one.suggestion.at_floor:
        said += ' It may have to be lower still: judge the candidates of more participants.'
    width = row['F1_high'] - row['F1_low']
    if np.isfinite(width) and width > 0:
        # The width of an interval goes with the root of the number.
        more = ', '.join(
            f'±{width / 2 / np.sqrt(factor):.2f} with {factor * participants}' for factor in (2, 4)
        )
        said += f' F1 is known to ±{width / 2:.2f} with {participants} participants: {more}.'
    return said
