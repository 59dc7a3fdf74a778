"""Judge models on simulated subjects that none of them saw: docs/results.md, and their cards.

    python bench/results.py CACHE WORK MODEL [MODEL …]

CACHE is what bench/simulate_training_set.py writes, of which the ``test`` subjects count; WORK
keeps what was judged already, so that it can be interrupted. The brain mask and the basal ganglia
are the true ones: registration is not judged here.
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
from results_page import Row, card_figures, of_the_first, write_page
from results_places import by_place
from train_default import TEST, Cache

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.evaluation.evaluation_tables import UnitEvaluation, evaluate_unit, pool_units
from deepmir_bids.evaluation.truth_pairs import Case
from deepmir_bids.lesions.connected_lesions import class_map, find_lesions
from deepmir_bids.model import load_model
from deepmir_bids.model.model_registry import find_model, write_card
from deepmir_bids.model.prediction import Model
from deepmir_bids.training.threshold_choice import probabilities
from deepmir_bids.training.training_subjects import CachedSubject

DOCS = Path(__file__).parents[1] / 'docs'
#: A calcification is taken for a microbleed if one is found within this distance of its centre,
#: or of its rim if that is further.
NEAR_MM = 2.0


class Outcome(NamedTuple):
    """One subject under one model and combination of inputs."""

    evaluation: UnitEvaluation
    calcifications: int
    mistaken: int


def main() -> None:
    """Judge every model, write the tables and the page."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('work', type=Path)
    parser.add_argument('models', nargs='+')
    options = parser.parse_args()
    rows = []
    for name in options.models:
        own = []
        model = load_model(name)
        model.network.exact = False  # nothing here is compared to the last digit
        judged = list(judge_all(model, options.cache, options.work))
        for inputs in model.card.combinations:
            label = f'{model.card.name}_{"+".join(inputs)}'
            outcomes = [one[inputs] for one in judged]
            evaluation = pool_units([one.evaluation for one in outcomes], 'deepmir')
            (DOCS / 'results').mkdir(parents=True, exist_ok=True)
            for table in ('summary', 'by_size', 'froc'):
                write_tsv(evaluation.tables[table], DOCS / 'results' / f'{label}_{table}.tsv')
            shown = sum(one.calcifications for one in outcomes)
            mistaken = sum(one.mistaken for one in outcomes)
            own.append(Row(model.card, inputs, evaluation, len(outcomes), shown, mistaken))
        write_card(replace(model.card, figures=card_figures(own)), find_model(name))
        rows += own
    fullest = of_the_first(rows)[-1]
    places = by_place(fullest.evaluation.tables['lesions'], options.cache)
    write_page(rows, places, DOCS / 'results.md')


def judge_all(model: Model, cache: Path, work: Path) -> Iterator[dict[tuple[str, ...], Outcome]]:
    """Judge each test subject with each combination of inputs, once for this model as it is."""
    card = model.card
    what = repr((card.sha256, card.thresholds, card.extent, card.min_volume_mm3))
    folder = work / f'{card.name}_{hashlib.sha256(what.encode()).hexdigest()[:12]}'
    folder.mkdir(parents=True, exist_ok=True)
    subjects = Cache(cache, card)
    for name in [f'{kind}_{seed}' for kind, seeds in TEST.items() for seed in seeds]:
        kept = folder / f'{name}.pkl'
        if not kept.is_file():
            subject = subjects.read(name)
            mimics = pd.read_csv(cache / f'{name}_mimics.csv')
            found = {c: outcome(model, c, subject, mimics) for c in card.combinations}
            kept.write_bytes(pickle.dumps(found))
            print(kept, flush=True)
        yield pickle.loads(kept.read_bytes())


def outcome(
    model: Model, inputs: Sequence[str], subject: CachedSubject, mimics: pd.DataFrame
) -> Outcome:
    """Run a model on one subject, given some of its inputs, and judge what it finds."""
    found = probabilities(model, subject, inputs)
    labels, lesions = find_lesions(
        found,
        model.card.thresholds_for(inputs, 'balanced'),
        np.linalg.norm(subject.affine[:3, :3], axis=0),
        brain_mask=subject.brain_mask,
        iron_mask=subject.iron_mask,
        min_volume_mm3=model.card.min_volume_mm3,
        extent=model.card.extent,
    )
    case = Case(
        label=subject.name,
        truth=subject.truth,
        found=class_map(labels, lesions),
        probabilities=found,
        brain_mask=subject.brain_mask,
        iron_area=subject.iron_mask,
        structures=np.zeros(labels.shape, np.int32),
        names={},
        affine=subject.affine,
        extent=model.card.extent,
        min_volume_mm3=model.card.min_volume_mm3,
    )
    return Outcome(evaluate_unit(case, 'deepmir'), *mistakes(case, mimics))


def mistakes(case: Case, mimics: pd.DataFrame) -> tuple[int, int]:
    """Number of calcifications in the brain, and of those that are taken for a microbleed."""
    import nibabel as nib

    chalk = mimics[mimics['class'] == 'calcification']
    microbleeds = nib.affines.apply_affine(case.affine, np.argwhere(case.found == CLASSES['CMB']))
    voxels = nib.affines.apply_affine(np.linalg.inv(case.affine), chalk[['x', 'y', 'z']])
    shown = mistaken = 0
    for (_, one), voxel in zip(chalk.iterrows(), np.rint(voxels).astype(int), strict=True):
        if not case.brain_mask[tuple(np.clip(voxel, 0, np.array(case.brain_mask.shape) - 1))]:
            continue
        shown += 1
        apart = np.linalg.norm(microbleeds - one[['x', 'y', 'z']].to_numpy(float), axis=1)
        mistaken += bool((apart <= max(NEAR_MM, one['diameter_mm'] / 2)).any())
    return shown, mistaken


if __name__ == '__main__':
    main()
