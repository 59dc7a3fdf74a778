"""Sections of docs/results.md that rest on tables of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from deepmir_bids.bids.tsv import read_tsv

RESULTS = Path(__file__).parents[1] / 'docs' / 'results'
#: Of bench/app_results.py, and of bench/chances.py.
APP, CHANCES = RESULTS / 'app.tsv', RESULTS / 'chances.tsv'

THROUGH_APP = """
## Through the whole app

The same, but with the brain masks, nuclei and alignment that the app finds itself (made by
`python bench/app_results.py`; other participants than above, as `deepmir-simulate` makes them, all
three images, balanced operating point). Thresholds were chosen on 48 yet others, likewise with
what the app finds itself (`python bench/app_thresholds.py`): those of iron, which with the true
outlines above leave out more than they need to, and, where there is a QSM, those of microbleeds.
Without a QSM the latter are lower than would be best here (.22, not .50): of 192 lesions put into
real magnitudes with slices of 1 to 5 mm, in which nothing false was found, 128 are found with the
lower one and 108 with the higher one.

{table}
"""
MEANING = """
## What a probability means

A network that learnt from patches full of lesions is sure too soon. What its outputs mean was
learnt from all findings in {participants} validation subjects, for each class and combination of
inputs (made by `python bench/chances.py`). The figure shows how often findings were right in
subjects of whom nothing was learnt, by their probability (cross-validation in folds of subjects):

![Share of findings that are right against their probability](images/chances.png)

{table}

A lesion counts once for each combination of inputs that finds it. These are simulated subjects,
with as many lesions as the simulator gives them; where lesions are rarer, a finding is right less
often. `balanced` stays where four fifths of all findings above it are right: on other styles of
images the best point lies now higher, now lower, so a site finds its own with a few reviews
([](review.md#thresholds-for-your-site)).
"""


def through_app() -> str:
    """What the app finds with its own anatomy."""
    rows = []
    for (run, kind), some in read_tsv(APP).groupby(['run', 'class'], sort=False):
        by_measure = some.set_index('measure')
        rows.append(
            {
                'anatomy': run,
                'class': kind,
                'participants': some['participants'].iloc[0],
                'lesions': int(by_measure.loc['true', 'pooled']),
                'sensitivity': _with_interval(by_measure.loc['sensitivity']),
                'precision': _with_interval(by_measure.loc['precision']),
                'F1': _with_interval(by_measure.loc['F1']),
                'false a participant': _with_interval(by_measure.loc['FP_per_subject']),
            }
        )
    return THROUGH_APP.format(table=markdown(pd.DataFrame(rows)))


def meaning() -> str:
    """How often findings of a probability are right."""
    table = read_tsv(CHANCES)
    pooled = table[table['inputs'] == 'any'][['class', 'from', 'to', 'findings', 'chance']]
    shown = pooled.assign(
        right=[
            f'{row["right"]:.2f} ({row["low"]:.2f}–{row["high"]:.2f})'
            for _, row in table.loc[pooled.index].iterrows()
        ],
        findings=pooled['findings'].astype(int),
        chance=[f'{chance:.2f}' for chance in pooled['chance']],
    ).rename(columns={'chance': 'mean probability', 'right': 'share that is right'})
    return MEANING.format(participants=int(table['subjects'].iloc[0]), table=markdown(shown))


def _with_interval(row: pd.Series) -> str:
    value, low, high = (f'{row[name]:.2f}' for name in ('pooled', 'pooled_low', 'pooled_high'))
    return f'{value} ({low}–{high})'


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown has it."""
    lines = [list(table.columns), ['---'] * len(table.columns), *table.astype(str).to_numpy()]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
