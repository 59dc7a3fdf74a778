"""The page of an acceptance test: what was found of what was put in, and what to make of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from deepmir_bids import CLASSES, __version__
from deepmir_bids.evaluation.judged_findings import POINT
from deepmir_bids.evaluation.site_thresholds import LEAST_FINDINGS, LEAST_PARTICIPANTS
from deepmir_bids.model.model_registry import OPERATING_POINTS
from deepmir_bids.reports.html_pieces import render, web_text
from deepmir_bids.reports.participant_page import head
from deepmir_bids.reports.threshold_curves import TITLES
from deepmir_bids.reports.unit_summary import CAUTION

if TYPE_CHECKING:
    from deepmir_bids.acceptance.lesion_pictures import LesionPicture
    from deepmir_bids.acceptance.run_acceptance import Acceptance

#: Pictures and rows that a page shows; the tables have the others.
MOST_PICTURES, MOST_ROWS = 12, 50
HEADINGS = {
    'all': 'All',
    'size': 'Diameter in the SWI (mm)',
    'region': 'Region',
    'inputs': 'Images used',
}


def acceptance_page(test: Acceptance, out: Path, traits: Mapping[str, str]) -> str:
    """Make the page.

    Parameters
    ----------
    test
        What it shows.
    out
        Folder that it will lie in, for the commands that it names.
    traits
        What each trait of the images is called.

    """
    tables = test.tables
    units = tables['units']
    return render(
        'acceptance.html.j2',
        head=head(),
        style=web_text('acceptance.css'),
        caution=CAUTION,
        headlines=list(headlines(test)),
        points=OPERATING_POINTS,
        titles=TITLES,
        sensitivity=[
            {'title': TITLES[name], 'blocks': blocks}
            for name in CLASSES
            if (blocks := list(_blocks(tables['sensitivity'], name)))
        ],
        reading=_records(tables['reading']),
        findings=_records(tables['findings'].head(MOST_ROWS)),
        confirmed=int(tables['findings']['confirmed'].sum()),
        not_shown=max(len(tables['findings']) - MOST_ROWS, 0),
        pictures={kind: _pictures(test, kind) for kind in ('findings', 'missed')},
        traits=_records(tables['traits'].assign(title=tables['traits']['trait'].map(traits))),
        thresholds=_records(tables['thresholds']),
        too_few=_too_few(test),
        commands=list(commands(test, out)),
        units=_records(units),
        left_out=test.left_out,
        facts={
            'deepmir': __version__,
            'Model': f'{test.card.name}, sha256 {test.card.sha256[:12]}',
            'Learned from': test.card.training.get('data', 'data that its card does not name'),
            'Images': str(test.settings.bids_dir),
        },
    )


def headlines(test: Acceptance) -> Iterator[str]:
    """What a reader asks first, a sentence a class, at the balanced point."""
    whole = test.tables['sensitivity']
    whole = whole[(whole['by'] == 'all') & (whole['point'] == POINT)]
    reading = test.tables['reading'].set_index(['class', 'point'])
    for row in whole.to_dict('records'):
        look = reading.loc[(row['class'], POINT)]
        shares = [100 * row[name] for name in ('sensitivity', 'low', 'high')]
        yield (
            f'Of {row["implants"]} {TITLES[row["class"]].lower()} put in, {row["found"]} were '
            'found ({:.0f} %, 95 % interval {:.0f} to {:.0f} %). '.format(*shares)
            + f'In the images as they are, a reader has {look["per_unit"]:.1f} findings an image '
            f'to look at ({look["findings"]:.0f} in {look["units"]:.0f}).'
        )


def commands(test: Acceptance, out: Path) -> Iterator[tuple[str, str]]:
    """How to use the suggested thresholds: when, and the command."""
    table = test.tables['thresholds']
    options = {'CMB': '--threshold-cmb', 'iron': '--threshold-iron'}
    run = ['deepmir', str(test.settings.bids_dir), 'OUT', 'participant']
    for inputs, rows in table.groupby('inputs', sort=False):
        chosen = [
            word
            for row in rows.to_dict('records')
            for word in (options[row['class']], f'{row["suggested"]:g}')
        ]
        yield f'For participants with {inputs}', shlex.join([*run, *chosen])
    results, model = str(test.settings.out_dir), str(out / 'model')
    choose = ['deepmir-model', 'calibrate', test.settings.model, results, '--out', model]
    yield (
        'Better, once a reader has reviewed some participants (their pages lie in the results)',
        shlex.join(choose),
    )


def _too_few(test: Acceptance) -> list[str]:
    """Classes of which nothing is suggested, and why."""
    chosen = set(test.tables['thresholds']['class'])
    return [
        f'{TITLES[name]}: nothing is suggested. It takes {LEAST_PARTICIPANTS} participants and '
        f'{LEAST_FINDINGS} lesions or false findings of the class.'
        for name in CLASSES
        if name not in chosen
    ]


def _blocks(table: pd.DataFrame, name: str) -> Iterator[dict[str, Any]]:
    """Rows of each grouping, each with a cell for each operating point."""
    of_class = table[table['class'] == name]
    for by, title in HEADINGS.items():
        rows = of_class[of_class['by'] == by]
        if rows.empty:
            continue
        groups = rows.groupby('group', sort=False)
        yield {
            'title': title,
            'rows': [
                {
                    'group': group,
                    'implants': own['implants'].iloc[0],
                    'cells': own.set_index('point').loc[list(OPERATING_POINTS)].to_dict('records'),
                }
                for group, own in groups
            ],
        }


def _pictures(test: Acceptance, kind: str) -> list[LesionPicture]:
    """One of each head in turn, so that no head fills the page."""
    of_heads = [one.pictures[kind] for one in test.results]
    turns = max(map(len, of_heads))
    mixed = [own[turn] for turn in range(turns) for own in of_heads if turn < len(own)]
    return mixed[:MOST_PICTURES]


def _records(table: pd.DataFrame) -> list[dict]:
    return table.astype(object).where(table.notna(), None).to_dict('records')
