"""Learn what the default model's outputs mean, on validation subjects; weights and finds stay.

    python bench/chances.py CACHE FINDINGS [--subjects 16] [--part 1/1]

CACHE is where bench/simulate_training_set.py puts subjects (those that lack are simulated);
FINDINGS keeps a table for each subject, so that it can be interrupted, or run for parts of the
subjects side by side: ``--part 1/2`` and ``--part 2/2``. When all tables are there, the chances go
into the model's card, and docs/results/chances.tsv and docs/images/chances.png say how they do on
subjects that they were not learnt from.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_sections import CHANCES
from simulate_training_set import save
from train_default import VALIDATION, Cache

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import read_tsv, write_tsv
from deepmir_bids.evaluation.bootstrap_statistics import bootstrap, pooled_ratio
from deepmir_bids.model import load_model
from deepmir_bids.model.chances import Chance
from deepmir_bids.model.model_registry import ModelCard, find_model, write_card
from deepmir_bids.simulation.simulated_subject import simulate_subject
from deepmir_bids.training.chance_fit import fit_chance
from deepmir_bids.training.threshold_choice import seek_with_each_combination, with_chances

FOLDS = 4
#: What the inputs of all findings together are called.
POOLED = 'any'
EDGES = (0.0, 0.1, 0.3, 0.7, 0.9, 1.0)
FIGURE = CHANCES.parents[1] / 'images' / 'chances.png'


def main() -> None:
    """Find what is not found yet; if nothing lacks any more, learn and write."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('findings', type=Path)
    parser.add_argument('--subjects', type=int, default=16)
    parser.add_argument('--part', default='1/1')
    options = parser.parse_args()
    names = [f'{kind}_{seed}' for kind, seeds in VALIDATION.items() for seed in seeds]
    names = names[: options.subjects]
    part, parts = map(int, options.part.split('/'))
    for folder in (options.cache, options.findings):
        folder.mkdir(parents=True, exist_ok=True)
    seek(names[part - 1 :: parts], options.cache, options.findings)
    if not all((options.findings / f'{name}.tsv').is_file() for name in names):
        return
    findings = pd.concat(
        read_tsv(options.findings / f'{name}.tsv').assign(subject=name) for name in names
    )
    card = load_model('default').card
    write_card(with_chances(unchanged(card), learn(findings)), find_model('default'))
    reliability = judge(findings)
    write_tsv(reliability.assign(subjects=len(names)), CHANCES)
    draw(reliability)


def seek(names: Sequence[str], cache: Path, folder: Path) -> None:
    """Write a table of all that the network finds in each subject, with each of its inputs."""
    model = load_model('default')
    model = replace(model, card=unchanged(model.card))
    model.network.exact = False  # nothing here is compared to the last digit
    torch.set_num_threads(1)
    for name in names:
        if (folder / f'{name}.tsv').is_file():
            continue
        if not (cache / f'{name}.npz').is_file():
            seed = int(name.split('_')[1])
            save(simulate_subject(seed), seed, cache / f'{name}.npz')
        subject = Cache(cache, model.card).read(name)
        found = seek_with_each_combination(model, [subject])
        rows = [
            (inputs, kind, *finding)
            for inputs, [candidates] in found.items()
            for kind in CLASSES
            for finding in zip(*candidates.right(kind), strict=True)
        ]
        table = pd.DataFrame(rows, columns=['inputs', 'class', 'output', 'right'])
        write_tsv(table.astype({'right': int}), folder / f'{name}.tsv')
        print(name, flush=True)


def unchanged(card: ModelCard) -> ModelCard:
    """The card as it was before it had chances: thresholds are outputs of the network."""
    back = {
        inputs: {kind: chance.inverse for kind, chance in by_class.items()}
        for inputs, by_class in card.chances.items()
    }
    return replace(with_chances(card, back), chances={})


def learn(findings: pd.DataFrame) -> dict[str, dict[str, Chance]]:
    """Chances by inputs and class."""
    chances: dict[str, dict[str, Chance]] = {}
    for (inputs, kind), some in findings.groupby(['inputs', 'class'], sort=False):
        chances.setdefault(inputs, {})[kind] = fit_chance(some['output'], some['right'] == 1)
    return chances


def judge(findings: pd.DataFrame) -> pd.DataFrame:
    """How often findings are right, by the chance that other subjects say they have.

    Returns
    -------
    DataFrame
        ``inputs``, ``class``, ``from`` and ``to`` (a bin of chances), ``findings``, ``chance``
        (their mean), ``right`` (share), ``low`` and ``high`` (95 %, bootstrap over subjects).

    """
    names = sorted(findings['subject'].unique())
    fold_of = {name: index % FOLDS for index, name in enumerate(names)}
    folds = findings['subject'].map(fold_of)
    parts = []
    for fold in range(FOLDS):
        chances, held_out = learn(findings[folds != fold]), findings[folds == fold]
        for (inputs, kind), some in held_out.groupby(['inputs', 'class'], sort=False):
            chance = chances[inputs][kind].of(some['output'].to_numpy())
            parts.append(some.assign(chance=chance))
    table = pd.concat(parts)
    table['bin'] = np.digitize(table['chance'], EDGES[1:-1])
    table = pd.concat([table, table.assign(inputs=POOLED)])
    return pd.DataFrame(
        {
            'inputs': inputs,
            'class': kind,
            'from': EDGES[index],
            'to': EDGES[index + 1],
            'findings': len(some),
            'chance': some['chance'].mean(),
            'right': some['right'].mean(),
            **interval(some, names),
        }
        for (inputs, kind, index), some in table.groupby(['inputs', 'class', 'bin'], sort=False)
    ).sort_values(['class', 'inputs', 'from'])


def interval(some: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    """95 % interval of the share that is right."""
    counts = some.groupby('subject')['right'].agg(['sum', 'size']).reindex(names, fill_value=0)
    low, high = bootstrap(pooled_ratio, counts['sum'].to_numpy(), counts['size'].to_numpy())
    return {'low': low, 'high': high}


def draw(reliability: pd.DataFrame) -> None:
    """Draw the reliability curve of each class, all combinations of inputs together."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.8), layout='constrained')
    pooled = reliability[reliability['inputs'] == POOLED]
    for axes, kind in zip(figure.subplots(1, 2), CLASSES, strict=True):
        axes.plot([0, 1], [0, 1], color='0.7', linewidth=1)
        some = pooled[pooled['class'] == kind]
        error = np.abs(some[['low', 'high']].to_numpy().T - some['right'].to_numpy())
        axes.errorbar(some['chance'], some['right'], error, marker='o', capsize=3)
        for _, row in some.iterrows():
            place = (row['chance'], row['right'])
            axes.annotate(f' {row["findings"]:.0f}', place, va='top')
        axes.set(title=kind, xlabel='probability', ylabel='share that is right', aspect='equal')
    figure.savefig(FIGURE, dpi=100)


if __name__ == '__main__':
    main()
