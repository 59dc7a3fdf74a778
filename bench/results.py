"""Evaluate models on simulated subjects that none of them saw: docs/results.md, and their cards.

    python bench/results.py CACHE WORK MODEL [MODEL …]

CACHE is what bench/simulate_training_set.py writes, of which the ``test`` subjects count; WORK
keeps what was evaluated already, so that it can be interrupted, and the tables and curves of each
model. The brain mask and the basal ganglia are the true ones: registration is not tested here.
Rows of models that are not named stay in the summary.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from nibabel.affines import apply_affine, voxel_sizes
from results_page import DOCS, SUMMARY, write_page
from results_places import by_place
from results_summary import (
    Summary,
    card_figures,
    equal_sensitivity_rows,
    place_rows,
    run_rows,
    training_rows,
)
from train_default import TEST, Cache

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.evaluation.evaluation_tables import UnitEvaluation, evaluate_unit, pool_units
from deepmir_bids.evaluation.truth_pairs import Case
from deepmir_bids.lesions.connected_lesions import class_map, find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model import load_model
from deepmir_bids.model.model_registry import find_model, write_card
from deepmir_bids.model.prediction import Model
from deepmir_bids.training.threshold_choice import probabilities
from deepmir_bids.training.training_subjects import CachedSubject

#: A calcification is taken for a microbleed if one is detected within this distance of its centre,
#: or of its rim if that is further.
NEAR_MM = 2.0


class Outcome(NamedTuple):
    """One subject under one model and combination of inputs."""

    evaluation: UnitEvaluation
    calcifications: int
    mistaken: int


def main() -> None:
    """Evaluate every model, write the summary, the page and the cards."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('work', type=Path)
    parser.add_argument('models', nargs='+')
    options = parser.parse_args()
    rows = []
    for name in options.models:
        model = load_model(name)
        model.network.exact = False  # nothing here is compared to the last digit
        subjects = list(evaluate_all(model, options.cache, options.work))
        evaluations, of_model = {}, training_rows(model.card)
        for inputs in model.card.combinations:
            outcomes = [subject[inputs] for subject in subjects]
            run = (model.card.name, '+'.join(inputs))
            evaluation = pool_units([outcome.evaluation for outcome in outcomes], 'deepmir')
            for table in ('summary', 'by_size', 'froc'):
                path = options.work / f'{"_".join(run)}_{table}.tsv'
                write_tsv(evaluation.tables[table], path)
            calcifications = sum(outcome.calcifications for outcome in outcomes)
            mistaken = sum(outcome.mistaken for outcome in outcomes)
            of_model += run_rows(run, evaluation, len(subjects), calcifications, mistaken)
            evaluations[run[1]] = evaluation
        of_model += equal_sensitivity_rows(model.card.name, evaluations, len(subjects))
        if not rows:
            places = by_place(evaluation.tables['lesions'], options.cache)
            of_model += place_rows(run, places)
        figures = card_figures(Summary(pd.DataFrame(of_model)), model.card)
        write_card(replace(model.card, figures=figures), find_model(name))
        rows += of_model
    Summary(pd.concat([pd.DataFrame(rows), others(options.models)])).write(SUMMARY)
    write_page(Summary.read(SUMMARY), DOCS / 'results.md')


def others(models: Sequence[str]) -> pd.DataFrame:
    """What the summary has of models that are not evaluated now: it stays."""
    names = [load_model(name).card.name for name in models]
    table = Summary.read(SUMMARY).table
    return table[~table['network'].isin(names)]


def evaluate_all(
    model: Model, cache: Path, work: Path
) -> Iterator[dict[tuple[str, ...], Outcome]]:
    """Evaluate each test subject with each combination of inputs, once for this model as it is."""
    card = model.card
    what = repr((card.sha256, card.thresholds, card.chances, card.extent, card.min_volume_mm3))
    folder = work / f'{card.name}_{hashlib.sha256(what.encode()).hexdigest()[:12]}'
    folder.mkdir(parents=True, exist_ok=True)
    subjects = Cache(cache, card)
    for name in [f'{kind}_{seed}' for kind, seeds in TEST.items() for seed in seeds]:
        kept = folder / f'{name}.pkl'
        if not kept.is_file():
            subject = subjects.read(name)
            mimics = pd.read_csv(cache / f'{name}_mimics.csv')
            outcomes = {c: evaluate(model, c, subject, mimics) for c in card.combinations}
            kept.write_bytes(pickle.dumps(outcomes))
            print(kept, flush=True)
        yield pickle.loads(kept.read_bytes())


def evaluate(
    model: Model, inputs: Sequence[str], subject: CachedSubject, mimics: pd.DataFrame
) -> Outcome:
    """Run a model on one subject, given some of its inputs, and compare with the truth."""
    predicted = probabilities(model, subject, inputs)
    card = model.card
    criteria = DetectionCriteria.of_model(card, inputs, 'balanced')
    found = find_lesions(
        predicted,
        criteria,
        voxel_sizes(subject.affine),
        brain_mask=subject.brain_mask,
        iron_mask=subject.iron_mask,
    )
    case = Case(
        label=subject.name,
        truth=subject.truth,
        found=class_map(found.labels, found.lesions),
        probabilities=predicted,
        brain_mask=subject.brain_mask,
        iron_area=subject.iron_mask,
        structures=np.zeros(found.labels.shape, np.int32),
        names={},
        affine=subject.affine,
        criteria=criteria,
    )
    return Outcome(evaluate_unit(case, 'deepmir'), *mistakes(case, mimics))


def mistakes(case: Case, mimics: pd.DataFrame) -> tuple[int, int]:
    """Count the calcifications in the brain, and those that are taken for a microbleed."""
    calcifications = mimics[mimics['class'] == 'calcification']
    microbleeds = apply_affine(case.affine, np.argwhere(case.found == CLASSES['CMB']))
    voxels = apply_affine(np.linalg.inv(case.affine), calcifications[['x', 'y', 'z']])
    inside = mistaken = 0
    for (_, row), voxel in zip(
        calcifications.iterrows(), np.rint(voxels).astype(int), strict=True
    ):
        if not case.brain_mask[tuple(np.clip(voxel, 0, np.array(case.brain_mask.shape) - 1))]:
            continue
        inside += 1
        apart = np.linalg.norm(microbleeds - row[['x', 'y', 'z']].to_numpy(float), axis=1)
        mistaken += bool((apart <= max(NEAR_MM, row['diameter_mm'] / 2)).any())
    return inside, mistaken


if __name__ == '__main__':
    main()
