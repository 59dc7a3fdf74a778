"""Trainings one after the other: each fold, judged by whom it has not seen, then the final one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from deepmir_bids.bids.tsv import read_tsv, write_tsv
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.training.fold_division import FINAL, Part
from deepmir_bids.training.threshold_choice import (
    SubjectCandidates,
    calibrated,
    score_classes,
    seek_with_each_combination,
)
from deepmir_bids.training.training_loop import train
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import CachedSubject
from deepmir_bids.training.untrained_card import known_classes
from deepmir_bids.training.write_model import draw_curves, write_model

#: A fold's counts, unit by unit; where it stands, the fold is done.
HELD_OUT = 'held_out.tsv'
#: The figures of all folds.
POOLED = 'cross_validation.tsv'
COLUMNS = {
    'fold': 'The fold, or "all": pooled over every labelled unit, each held out once',
    'inputs': 'What the network was given',
    'class': 'Lesion class; CMB>=3mm: true microbleeds of at least 3 mm, and all false positives',
    'units': 'Number of subjects, or sessions of subjects',
    'TP': 'Lesions that were found',
    'FP': 'Findings without a lesion',
    'FN': 'Lesions that were not found',
    'sensitivity': 'TP / (TP + FN)',
    'precision': 'TP / (TP + FP)',
    'F1': '2 TP / (2 TP + FP + FN)',
    'FP_per_subject': 'FP / units',
}


def run_parts(
    parts: Sequence[Part],
    subjects: Mapping[str, list[CachedSubject]],
    card: ModelCard,
    plan: Plan,
    out_dir: Path,
    *,
    initial: torch.nn.Module | None = None,
    device: str = 'cpu',
) -> Path:
    """Run every part that is not done yet; return the folder of the final model.

    Each fold has a folder with its checkpoint, curves, model and the counts of those who were held
    out; the final part's lie in ``out_dir`` itself.

    Parameters
    ----------
    parts
        The folds, if any, and the final part.
    subjects
        Participant → its units.
    card
        Of the model to be trained.
    plan
        How long, and how fast.
    out_dir
        Where everything goes.
    initial, device
        As for :func:`deepmir_bids.training.training_loop.train`.

    """
    folds = [part for part in parts if part.name != FINAL]
    for part in folds:
        if not (out_dir / part.name / HELD_OUT).is_file():
            _run(part, subjects, card, plan, out_dir / part.name, initial, device)
    figures = None
    if folds:
        tables = {part.name: read_tsv(out_dir / part.name / HELD_OUT) for part in folds}
        everyone = pd.concat(tables.values())
        figures = {
            'data': f'{everyone["unit"].nunique()} units, each held out once in {len(folds)} '
            'folds: models like this one, trained on the others',
            'operating_point': 'balanced',
            'by_inputs': as_figures(pool(everyone)),
        }
        write_pooled({'all': everyone, **tables}, out_dir / POOLED)
    for part in parts:
        if part.name == FINAL:
            _run(part, subjects, card, plan, out_dir, initial, device, figures)
    return out_dir / 'model'


def _run(part, subjects, card, plan, folder, initial, device, figures=None) -> None:
    """One training, from subjects to a model's folder and, for a fold, its counts."""

    def units(participants: list[str]) -> list[CachedSubject]:
        # Copies, for a training changes each subject's hard places.
        return [replace(unit) for participant in participants for unit in subjects[participant]]

    folder.mkdir(parents=True, exist_ok=True)
    training, validation = units(part.training), units(part.validation)
    model, progress = train(
        card, training, validation, plan, folder,
        initial=initial, device=device, title=part.name,
    )  # fmt: skip
    draw_curves(progress.history, folder / 'curves.png')
    on_validation = seek_with_each_combination(model, validation)
    model = calibrated(model, on_validation)
    card = model.card
    if part.held_out:
        on_held_out = seek_with_each_combination(model, units(part.held_out), card.extent)
        counts = tabulate(card, on_held_out)
        figures = _figures('units that were held out', counts)
    elif figures is None:
        as_judged = {
            inputs: [one.as_chances(card.chances_for(inputs.split('+'))) for one in found]
            for inputs, found in on_validation.items()
        }
        counts = tabulate(card, as_judged)
        figures = _figures('the validation units, on which the thresholds were chosen', counts)
    card = replace(
        card,
        figures=figures,
        training={
            **card.training,
            'data': 'labelled subjects of a BIDS dataset',
            'inputs': list(card.sees),
            'classes': list(known_classes(card)),
            'subjects': [unit.name for unit in training],
            'validation': [unit.name for unit in validation],
            'seed': plan.seed,
            'steps': progress.step,
        },
    )
    write_model(replace(model, card=card), folder / 'model')
    if part.held_out:
        write_tsv(counts, folder / f'.{HELD_OUT}').replace(folder / HELD_OUT)


def _figures(data: str, counts: pd.DataFrame) -> dict[str, Any]:
    return {
        'data': data,
        'operating_point': 'balanced',
        'by_inputs': as_figures(pool(counts)),
    }


def tabulate(card: ModelCard, candidates: Mapping[str, list[SubjectCandidates]]) -> pd.DataFrame:
    """Count TP, FP and FN by unit, combination of inputs (keys of ``candidates``) and class.

    At the balanced operating point.
    """
    classes = known_classes(card)
    rows = []
    for inputs, of_subjects in candidates.items():
        thresholds = card.thresholds_for(inputs.split('+'), 'balanced')
        rows += [
            {'unit': of_one.subject.name, 'inputs': inputs, 'class': name,
             'TP': figures['TP'], 'FP': figures['FP'], 'FN': figures['FN']}
            for of_one in of_subjects
            for name, figures in score_classes([of_one], thresholds, classes).items()
        ]  # fmt: skip
    return pd.DataFrame(rows)


def pool(counts: pd.DataFrame) -> pd.DataFrame:
    """Sum the counts over units, and derive the rates; NaN where one would divide by zero."""
    groups = counts.groupby(['inputs', 'class'], sort=False)
    pooled = groups[['TP', 'FP', 'FN']].sum()
    pooled.insert(0, 'units', groups['unit'].nunique())
    tp, fp, fn = pooled['TP'], pooled['FP'], pooled['FN']
    rates = {
        'sensitivity': tp / (tp + fn),
        'precision': tp / (tp + fp),
        'F1': 2 * tp / (2 * tp + fp + fn),
        'FP_per_subject': fp / pooled['units'],
    }
    return pooled.assign(**rates).reset_index()


def as_figures(pooled: pd.DataFrame) -> dict[str, dict[str, dict[str, float | None]]]:
    """Pooled figures by inputs and class, rounded, None where there is none: for a card."""
    figures: dict[str, dict[str, dict[str, float | None]]] = {}
    for _, row in pooled.drop(columns='units').iterrows():
        inputs, name, *_ = row
        rates = row.drop(['inputs', 'class'])
        figures.setdefault(inputs, {})[name] = {
            str(key): None if np.isnan(value) else round(value, 3) for key, value in rates.items()
        }
    return figures


def write_pooled(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the pooled figures of each fold's counts, and what the columns mean beside them."""
    pooled = pd.concat([pool(counts).assign(fold=name) for name, counts in tables.items()])
    write_tsv(pooled[list(COLUMNS)], path)
    described = {name: {'Description': text} for name, text in COLUMNS.items()}
    write_whole(path.with_suffix('.json'), json.dumps(described, indent=2) + '\n')
