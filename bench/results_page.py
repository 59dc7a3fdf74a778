"""The page docs/results.md: figures of models on simulated subjects, beside what is published.

    python bench/results_page.py

writes the page anew from docs/results/summary.tsv, which bench/results.py makes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from published_results import DEEPMIR, OTHER_METHODS
from results_sections import APP, markdown, meaning, through_app
from results_summary import EQUAL_SENSITIVITY, LARGE, MEASURES, Summary

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import MISSING

DOCS = Path(__file__).parents[1] / 'docs'
SUMMARY = DOCS / 'results' / 'summary.tsv'
#: Start of the name of a network of the DEEPMIR authors' design.
DEEPMIR_DESIGN = 'deepmir2d'

INTRODUCTION = """# Results

What deepmir's networks find in **simulated** subjects that they never saw. No figure on this page
says how well they do on patients: nobody has measured that. Made by `python bench/results.py`;
intervals (in brackets) are 95 %, bootstrapped over subjects.

{subjects} subjects of natural prevalence: {true_cmb} microbleeds of any size ({large_cmb} of 3 mm
and more) and {true_iron} iron deposits. Balanced operating point. Brain mask and basal ganglia are
the true ones, so errors of registration do not count here. Lesions match if they overlap or their
centroids lie within 5 mm, one to one.
"""
BASELINES = """
`deepmir2d-…` is the network of the DEEPMIR authors, one for each combination of inputs, where the
default is one for all. It learnt from simulated subjects, from parts of slices and with the losses
that the authors name, for as long as the table says, on one core: a fraction of what the authors
gave it on a GPU. It is not their trained network, whose weights are not public. The default had
many times as long, so it is no comparison at equal time. A model named after its minutes is that:
the design of the default, from nothing, on the same subjects and for the same time as each
`deepmir2d-…`, but one for all combinations.
"""
SIDE_BY_SIDE = """
## The two designs side by side

F1 for CMB at the balanced operating point:

{table}
"""
OUTLINES = """
## Outlines

Mean Dice coefficient of the lesions that `{name}` finds, with the true ones:

{table}
"""
PLACES = """
## Where microbleeds are missed

`{name}` with {inputs}, by the place where the simulator put the microbleed, and by whether the QSM
was measured there. Where air shifts the phase, at the skull base and at the surface of the brain,
it is not, and the SWI is dark of itself.

{table}
"""
COMPARISON = """
## Beside what is published

The DEEPMIR paper (24 MESA participants, leave one out, multi-class network, mean of the subjects):

{paper}

Others, for CMB:

{others}

**What may be compared:** the networks of this page with one another: same subjects, same rule.
**What may not:** this page with the published figures. They come from patients and readers, with
other rules of matching, other prevalence and other scanners; a simulation's truth has no doubtful
case, and its microbleeds are as small as physics lets them be seen. Published figures are shown
for what the field reports, not for a ranking.
"""


def write_page(summary: Summary, path: Path) -> None:
    """Write the page."""
    name = summary.networks[0]
    runs = [run for run in summary.runs if run[0] == name]
    alone, fullest = runs[0], runs[-1]
    text = INTRODUCTION.format(
        subjects=int(summary.value(alone, MISSING, 'subjects')),
        true_cmb=int(summary.value(alone, 'CMB', 'true')),
        true_iron=int(summary.value(alone, 'iron', 'true')),
        large_cmb=int(summary.value(alone, 'CMB', 'true', LARGE)),
    )
    if any(network.startswith(DEEPMIR_DESIGN) for network in summary.networks):
        text += BASELINES
    text += f'\n## Training\n\n{markdown(_training_table(summary))}\n'
    for class_name in CLASSES:
        text += f'\n## {class_name}\n\n{markdown(_class_table(summary, class_name))}\n'
    if len(summary.networks) > 1:
        text += SIDE_BY_SIDE.format(table=markdown(_side_by_side(summary)))
    text += OUTLINES.format(name=name, table=markdown(_dice_table(summary, runs)))
    table = markdown(_place_table(summary, fullest))
    text += PLACES.format(name=name, inputs=fullest[1], table=table)
    table = markdown(_calcification_table(summary))
    text += f'\n## Calcifications taken for microbleeds\n\n{table}\n'
    text += f'\n## What QSM adds\n\n{_qsm_text(summary, name)}\n'
    text += (through_app() if APP.is_file() else '') + meaning()
    text += COMPARISON.format(paper=markdown(_paper_table()), others=markdown(_other_table()))
    path.write_text(text, encoding='utf-8')


def _training_table(summary: Summary) -> pd.DataFrame:
    table = []
    for network in summary.networks:
        run = (network, MISSING)
        subjects, steps, minutes = (
            summary.row(run, 'training', measure, MISSING)
            for measure in ('subjects', 'steps', 'minutes')
        )
        before = '' if minutes['note'] == MISSING else f', and before that {minutes["note"]}'
        table.append(
            {
                'network': network,
                'subjects': int(subjects['value']),
                'steps': f'{int(steps["value"]):,}',
                'minutes': f'{minutes["value"]:.0f}{before}',
            }
        )
    return pd.DataFrame(table)


def _class_table(summary: Summary, name: str) -> pd.DataFrame:
    table = []
    for run in summary.runs:
        line = dict(zip(('network', 'inputs'), run, strict=True))
        for measure in MEASURES:
            line[measure.replace('_', ' ')] = _with_interval(summary, run, name, measure)
        line['count r'] = _short(summary.value(run, name, 'count_r'))
        if name == 'CMB':
            line[f'sensitivity, {LARGE}'] = _short(summary.large_sensitivity(run))
        table.append(line)
    return pd.DataFrame(table)


def _side_by_side(summary: Summary) -> pd.DataFrame:
    """Return F1 for CMB, a row for each combination of inputs and a column for each design."""
    table: dict[str, dict[str, str]] = {}
    for run in summary.runs:
        network, inputs = run
        design = DEEPMIR_DESIGN if network.startswith(DEEPMIR_DESIGN) else network
        line = table.setdefault(inputs, {'inputs': inputs})
        line[design] = _short(summary.value(run, 'CMB', 'F1'))
    return pd.DataFrame(table.values()).fillna('–')


def _dice_table(summary: Summary, runs: list[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            'inputs': run[1],
            **{name: _with_interval(summary, run, name, 'dice') for name in CLASSES},
        }
        for run in runs
    )


def _place_table(summary: Summary, run: tuple[str, str]) -> pd.DataFrame:
    table = summary.table
    suffix = f', {LARGE}'
    of_run = (table['network'] == run[0]) & (table['inputs'] == run[1])
    groups = table.loc[of_run & (table['class'] == 'CMB'), 'lesions']
    places = [g.removesuffix(suffix) for g in dict.fromkeys(groups) if g.endswith(suffix)]
    columns = {
        'microbleeds': ('true', ''),
        'found': ('TP', ''),
        f'of {LARGE}': ('true', suffix),
        'of these found': ('TP', suffix),
    }
    return pd.DataFrame(
        {
            'place': place,
            **{
                column: int(summary.value(run, 'CMB', measure, f'{place}{ending}'))
                for column, (measure, ending) in columns.items()
            },
        }
        for place in places
    )


def _calcification_table(summary: Summary) -> pd.DataFrame:
    table = []
    for run in summary.runs:
        mistaken = int(summary.value(run, 'calcification', 'taken for CMB'))
        table.append(
            {
                'network': run[0],
                'inputs': run[1],
                'calcifications': int(summary.value(run, 'calcification', 'true')),
                'taken for CMB': f'{mistaken} ({summary.mistaken_share(run):.1%})',
            }
        )
    return pd.DataFrame(table)


def _qsm_text(summary: Summary, name: str) -> str:
    """Return the precision with and without QSM at the sensitivity that the SWI alone reaches."""
    without, with_qsm = (
        summary.value((name, inputs), 'CMB', 'precision', EQUAL_SENSITIVITY)
        for inputs in ('swi', 'swi+qsm')
    )
    return (
        f'At a CMB sensitivity of {summary.value((name, "swi"), "CMB", "sensitivity"):.2f} the '
        f'precision of `{name}` is {without:.2f} with SWI alone and {with_qsm:.2f} with '
        'SWI and QSM.'
    )


def _paper_table() -> pd.DataFrame:
    columns = ('sensitivity', 'precision', 'count r')
    return pd.DataFrame(
        {
            'class': name,
            'inputs': inputs,
            **dict(zip(columns, map(_short, values), strict=True)),
        }
        for name, by_inputs in DEEPMIR.items()
        for inputs, values in by_inputs.items()
    )


def _other_table() -> pd.DataFrame:
    columns = ['method', 'data', 'sensitivity', 'precision', 'F1', 'FP per subject']
    return pd.DataFrame(OTHER_METHODS, columns=columns)


def _with_interval(summary: Summary, run: tuple[str, str], name: str, measure: str) -> str:
    row = summary.row(run, name, measure)
    return f'{_short(row["value"])} ({_short(row["low"])}–{_short(row["high"])})'


def _short(value: float) -> str:
    return '–' if np.isnan(value) else f'{value:.2f}'.removeprefix('0')


if __name__ == '__main__':
    write_page(Summary.read(SUMMARY), DOCS / 'results.md')
