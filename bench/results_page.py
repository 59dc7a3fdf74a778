"""The page docs/results.md: figures of models on simulated subjects, beside what is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.evaluation.evaluation_tables import Evaluation
from deepmir_bids.model.model_registry import ModelCard

MEASURES = ('sensitivity', 'precision', 'F1', 'FP_per_subject')
#: Rashid et al., Sci Rep 2021;11:14124: multi-class network; mean of the subjects.
PAPER = {
    'CMB': {
        ('swi',): (0.82, 0.36, 0.96),
        ('swi', 'qsm'): (0.84, 0.59, 0.99),
        ('swi', 't2w'): (0.76, 0.43, 0.97),
        ('swi', 'qsm', 't2w'): (0.89, 0.49, 0.98),
    },
    'iron': {
        ('swi',): (0.76, 0.70, 0.91),
        ('swi', 'qsm'): (0.75, 0.75, 0.91),
        ('swi', 't2w'): (0.76, 0.60, 0.87),
        ('swi', 'qsm', 't2w'): (0.81, 0.64, 0.90),
    },
}
#: Other methods for CMB: data, sensitivity, precision, F1, false positives a subject.
OTHERS = (
    ('MicrobleedNet (Sundaresan 2023)', 'UK Biobank SWI', '.93', '.59', '.72', '1.5'),
    ('Liu 2019, SWI + phase', '41 test', '.96', '.71', '.82', '1.6–1.8'),
    ('Al-masni 2020, SWI + phase', '72', '.94', '.62', '.75', '1.4'),
    ('SHIVA-CMB 2024, T2*/SWI', '96 held out', '.67', '.82', '.74', '0.6'),
    ('VALDO 2021, best of challenge', '147 test', '–', '–', '.68', '–'),
)
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


class Row(NamedTuple):
    """One model with one combination of inputs."""

    card: ModelCard
    inputs: tuple[str, ...]
    evaluation: Evaluation
    subjects: int
    calcifications: int
    mistaken: int


def of_the_first(rows: list[Row]) -> list[Row]:
    """Those of the model that the page is about: with SWI alone first, with all inputs last."""
    return [row for row in rows if row.card.name == rows[0].card.name]


def write_page(rows: list[Row], places: pd.DataFrame, path: Path) -> None:
    """Write the page; ``places`` are the first model's microbleeds by place, with all inputs."""
    first, own = rows[0], of_the_first(rows)
    text = INTRODUCTION.format(
        subjects=first.subjects,
        true_cmb=int(_figure(first, 'CMB', 'true')),
        true_iron=int(_figure(first, 'iron', 'true')),
        large_cmb=int(_large(first, 'true')),
    )
    if any(row.card.network['name'] == 'DeepMIR2D' for row in rows):
        text += BASELINES
    text += f'\n## Training\n\n{_markdown(_training_table(rows))}\n'
    for name in CLASSES:
        text += f'\n## {name}\n\n{_markdown(_class_table(rows, name))}\n'
    if len({row.card.name for row in rows}) > 1:
        text += SIDE_BY_SIDE.format(table=_markdown(_side_by_side(rows)))
    text += OUTLINES.format(name=first.card.name, table=_markdown(_dice_table(own)))
    inputs = '+'.join(own[-1].inputs)
    text += PLACES.format(name=first.card.name, inputs=inputs, table=_markdown(places))
    text += f'\n## Calcifications taken for microbleeds\n\n{_markdown(_chalk_table(rows))}\n'
    text += f'\n## What QSM adds\n\n{_qsm_text(own)}\n'
    text += COMPARISON.format(paper=_markdown(_paper_table()), others=_markdown(_others_table()))
    path.write_text(text, encoding='utf-8')


def card_figures(rows: list[Row]) -> dict[str, Any]:
    """What the card of a model says of these figures."""
    by_inputs = {
        '+'.join(row.inputs): {
            **{
                name: {m: round(_figure(row, name, m), 3) for m in MEASURES}
                for name in row.card.classes
            },
            'CMB of 3 mm and more': {
                'sensitivity': round(_large(row, 'TP') / _large(row, 'true'), 3)
            },
            'calcifications taken for CMB': {'share': round(row.mistaken / row.calcifications, 3)},
        }
        for row in rows
    }
    return {
        'data': f'{rows[0].subjects} simulated subjects of natural prevalence, unseen '
        '(bench/results.py), with their true brain masks',
        'operating_point': 'balanced',
        'by_inputs': by_inputs,
    }


def _training_table(rows: list[Row]) -> pd.DataFrame:
    """What each network learnt from, and how long on one core, with the weights it began with."""
    table = []
    for card in {row.card.name: row.card for row in rows}.values():
        spent: Any = card.training
        steps, minutes, subjects = 0, 0.0, len(spent['subjects'])
        while isinstance(spent, dict):
            steps, minutes = steps + spent['steps'], minutes + spent['minutes']
            spent = spent.get('started_from')
        more = ', and before that ' + spent if spent else ''
        line = {'network': card.name, 'subjects': subjects, 'steps': f'{steps:,}'}
        table.append({**line, 'minutes': f'{minutes:.0f}{more}'})
    return pd.DataFrame(table)


def _class_table(rows: list[Row], name: str) -> pd.DataFrame:
    table = []
    for row in rows:
        line = {'network': row.card.name, 'inputs': '+'.join(row.inputs)}
        for measure in MEASURES:
            line[measure.replace('_', ' ')] = _with_interval(row, name, measure)
        line['count r'] = _short(_figure(row, name, 'count_r'))
        if name == 'CMB':
            line['sensitivity, 3 mm and more'] = _short(_large(row, 'TP') / _large(row, 'true'))
        table.append(line)
    return pd.DataFrame(table)


def _side_by_side(rows: list[Row]) -> pd.DataFrame:
    """F1 for CMB, a row for each combination of inputs and a column for each design."""
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        inputs = '+'.join(row.inputs)
        design = 'deepmir2d' if row.card.network['name'] == 'DeepMIR2D' else row.card.name
        line = table.setdefault(inputs, {'inputs': inputs})
        line[design] = _short(_figure(row, 'CMB', 'F1'))
    return pd.DataFrame(table.values()).fillna('–')


def _dice_table(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            'inputs': '+'.join(row.inputs),
            **{name: _with_interval(row, name, 'dice') for name in row.card.classes},
        }
        for row in rows
    )


def _chalk_table(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            'network': row.card.name,
            'inputs': '+'.join(row.inputs),
            'calcifications': row.calcifications,
            'taken for CMB': f'{row.mistaken} ({row.mistaken / row.calcifications:.1%})',
        }
        for row in rows
    )


def _qsm_text(rows: list[Row]) -> str:
    """Precision with and without QSM at the sensitivity that the SWI alone reaches."""
    curves = {row.inputs: row.evaluation.tables['froc'].query('`class` == "CMB"') for row in rows}
    without, wanted = rows[0], _figure(rows[0], 'CMB', 'sensitivity')
    true = _figure(without, 'CMB', 'true')

    def precision(inputs):
        curve = curves[inputs]
        point = curve[curve['sensitivity'] >= wanted].iloc[0]
        found = point['sensitivity'] * true
        return found / (found + point['FP_per_subject'] * without.subjects)

    return (
        f'At a CMB sensitivity of {wanted:.2f} the precision of `{without.card.name}` is '
        f'{precision(("swi",)):.2f} with SWI alone and {precision(("swi", "qsm")):.2f} with '
        'SWI and QSM.'
    )


def _paper_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            'class': name,
            'inputs': '+'.join(inputs),
            'sensitivity': _short(values[0]),
            'precision': _short(values[1]),
            'count r': _short(values[2]),
        }
        for name, by_inputs in PAPER.items()
        for inputs, values in by_inputs.items()
    )


def _others_table() -> pd.DataFrame:
    columns = ['method', 'data', 'sensitivity', 'precision', 'F1', 'FP per subject']
    return pd.DataFrame(OTHERS, columns=columns)


def _line(row: Row, name: str, measure: str, size: str | None = None) -> pd.Series:
    """Row of the summary, or of a size, for one figure of a class."""
    table = row.evaluation.tables['summary' if size is None else 'by_size']
    wanted = (table['class'] == name) & (table['measure'] == measure)
    if size is not None:
        wanted &= table['size'] == size
    return table[wanted].iloc[0]


def _figure(row: Row, name: str, measure: str) -> float:
    return float(_line(row, name, measure)['pooled'])


def _large(row: Row, measure: str) -> float:
    """Number of microbleeds of 3 mm and more."""
    return sum(float(_line(row, 'CMB', measure, size)['pooled']) for size in ('3-5', '>5'))


def _with_interval(row: Row, name: str, measure: str) -> str:
    line = _line(row, name, measure)
    low, high = _short(line['pooled_low']), _short(line['pooled_high'])
    return f'{_short(line["pooled"])} ({low}–{high})'


def _short(value: float) -> str:
    return '–' if np.isnan(value) else f'{value:.2f}'.removeprefix('0')


def _markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ['---'] * len(table.columns), *table.astype(str).to_numpy()]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
