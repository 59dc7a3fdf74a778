"""The table docs/results/summary.tsv: every figure that the page of results shows.

A row is a figure of a network with some inputs: of a ``class``, of all its ``lesions`` or of some,
with its bootstrap interval; or of what the network learnt from. The curves and tables behind the
figures are not kept in git: bench/results.py leaves them in its work folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import MISSING, read_tsv
from deepmir_bids.evaluation.evaluation_tables import Evaluation
from deepmir_bids.model.model_registry import ModelCard

MEASURES = ('sensitivity', 'precision', 'F1', 'FP_per_subject')
#: What a row is about, and what it holds.
KEYS = ['network', 'inputs', 'class', 'lesions', 'measure']
COLUMNS = [*KEYS, 'value', 'low', 'high', 'note']
LARGE = '3 mm and more'
#: The point of a curve where the sensitivity is that of the SWI alone.
EQUAL_SENSITIVITY = 'all, at the sensitivity of swi'


class Summary:
    """The figures, looked up by what they are about."""

    def __init__(self, table: pd.DataFrame):
        texts = [*KEYS, 'note']
        self.table = table.reindex(columns=COLUMNS).astype(dict.fromkeys(texts, object))
        self.table[texts] = self.table[texts].fillna(MISSING)
        self._rows = {tuple(row[name] for name in KEYS): row for _, row in self.table.iterrows()}

    @classmethod
    def read(cls, path: Path) -> Summary:
        """Read the table from its file."""
        return cls(read_tsv(path))

    def write(self, path: Path) -> None:
        """Write the table; its six decimals leave the page's two as they are."""
        path.parent.mkdir(parents=True, exist_ok=True)
        table = self.table.round(6)
        table.to_csv(path, sep='\t', index=False, na_rep=MISSING, lineterminator='\n')

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Network and inputs, in the order of the table."""
        rows = self.table[self.table['inputs'] != MISSING]
        return list(dict.fromkeys(zip(rows['network'], rows['inputs'], strict=True)))

    @property
    def networks(self) -> list[str]:
        """Names of the networks; the page is mostly about the first."""
        return list(dict.fromkeys(self.table['network']))

    def row(
        self, run: tuple[str, str], name: str, measure: str, lesions: str = 'all'
    ) -> pd.Series:
        """Return the row of a figure: ``value``, ``low``, ``high`` and ``note``."""
        return self._rows[(*run, name, lesions, measure)]

    def value(self, run: tuple[str, str], name: str, measure: str, lesions: str = 'all') -> float:
        """Return a figure."""
        return float(self.row(run, name, measure, lesions)['value'])

    def large_sensitivity(self, run: tuple[str, str]) -> float:
        """Return the sensitivity for microbleeds of 3 mm and more."""
        return self.value(run, 'CMB', 'TP', LARGE) / self.value(run, 'CMB', 'true', LARGE)

    def mistaken_share(self, run: tuple[str, str]) -> float:
        """Return the share of the calcifications that are taken for microbleeds."""
        calcifications = self.value(run, 'calcification', 'true')
        return self.value(run, 'calcification', 'taken for CMB') / calcifications


def training_rows(card: ModelCard) -> list[dict]:
    """Return what a network learnt from, and how long, with the weights that it began with."""
    steps, minutes, spent = 0, 0.0, card.training
    while isinstance(spent, dict):
        steps, minutes = steps + spent['steps'], minutes + spent['minutes']
        spent = spent.get('started_from')
    figures = {'subjects': len(card.training['subjects']), 'steps': steps, 'minutes': minutes}
    rows = [
        {'network': card.name, 'class': 'training', 'measure': measure, 'value': value}
        for measure, value in figures.items()
    ]
    return [*rows[:-1], rows[-1] | {'note': spent}]


def run_rows(
    run: tuple[str, str],
    evaluation: Evaluation,
    subjects: int,
    calcifications: int,
    mistaken: int,
) -> list[dict]:
    """Return the figures of a network with one combination of inputs.

    Parameters
    ----------
    run
        The network's name, and its inputs joined by ``+``.
    evaluation
        Tables of all subjects together.
    subjects
        Number of the subjects.
    calcifications, mistaken
        Number of calcifications in the brains, and of those taken for a microbleed.

    """
    figures: list[tuple] = [
        (MISSING, 'all', 'subjects', subjects),
        ('calcification', 'all', 'true', calcifications),
        ('calcification', 'all', 'taken for CMB', mistaken),
    ]
    for name in CLASSES:
        table = _by_measure(evaluation, 'summary', name)
        for measure in ('true', *MEASURES, 'dice', 'count_r'):
            bounds = table.loc[measure, ['pooled', 'pooled_low', 'pooled_high']]
            figures.append((name, 'all', measure, *bounds))
    sizes = [_by_measure(evaluation, 'by_size', 'CMB', size) for size in ('3-5', '>5')]
    for measure in ('true', 'TP'):
        total = sum(float(table.loc[measure, 'pooled']) for table in sizes)
        figures.append(('CMB', LARGE, measure, total))
    return [dict(zip(COLUMNS, (*run, *figure), strict=False)) for figure in figures]


def equal_sensitivity_rows(
    network: str, evaluations: Mapping[str, Evaluation], subjects: int
) -> list[dict]:
    """Return the precision for CMB with each combination at the sensitivity of the SWI alone."""
    if 'swi' not in evaluations:
        return []
    alone = _by_measure(evaluations['swi'], 'summary', 'CMB')['pooled'].astype(float)
    rows = []
    for inputs, evaluation in evaluations.items():
        curve = evaluation.tables['froc'].query('`class` == "CMB"')
        reached = curve[curve['sensitivity'] >= alone['sensitivity']]
        if len(reached):
            true_positives = reached['sensitivity'].iloc[0] * alone['true']
            positives = true_positives + reached['FP_per_subject'].iloc[0] * subjects
            values = (EQUAL_SENSITIVITY, 'precision', true_positives / positives)
            rows.append(dict(zip(COLUMNS, (network, inputs, 'CMB', *values), strict=False)))
    return rows


def place_rows(run: tuple[str, str], places: pd.DataFrame) -> list[dict]:
    """Return the microbleeds of each place, as `results_places.by_place` counts them."""
    return [
        dict(zip(COLUMNS, (*run, 'CMB', lesions, measure, row[column]), strict=False))
        for _, row in places.iterrows()
        for lesions, measure, column in (
            (row['place'], 'true', 'true'),
            (row['place'], 'TP', 'TP'),
            (f'{row["place"]}, {LARGE}', 'true', 'large_true'),
            (f'{row["place"]}, {LARGE}', 'TP', 'large_TP'),
        )
    ]


def card_figures(summary: Summary, card: ModelCard) -> dict[str, Any]:
    """Return what the card of a model says of its figures."""
    runs = [run for run in summary.runs if run[0] == card.name]
    by_inputs = {
        run[1]: {
            **{
                name: {m: round(summary.value(run, name, m), 3) for m in MEASURES}
                for name in card.classes
            },
            'CMB of 3 mm and more': {'sensitivity': round(summary.large_sensitivity(run), 3)},
            'calcifications taken for CMB': {'share': round(summary.mistaken_share(run), 3)},
        }
        for run in runs
    }
    subjects = int(summary.value(runs[0], MISSING, 'subjects'))
    return {
        'data': f'{subjects} simulated subjects of natural prevalence, unseen '
        '(bench/results.py), with their true brain masks',
        'operating_point': 'balanced',
        'by_inputs': by_inputs,
    }


def _by_measure(
    evaluation: Evaluation, table: str, name: str, size: str | None = None
) -> pd.DataFrame:
    """Return the rows of a class, and of a size if the table is by size, by their measure."""
    rows = evaluation.tables[table]
    wanted = rows['class'] == name
    if size is not None:
        wanted &= rows['size'] == size
    return rows[wanted].set_index('measure')
