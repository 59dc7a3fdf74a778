"""Train the default model from a cache of simulated subjects, for as long as it is given.

    python bench/train_default.py CACHE OUT --minutes 60 [--threads 1] [--init MODEL]
    python bench/train_default.py CACHE OUT --minutes 30 --baseline swi qsm
    python bench/train_default.py CACHE OUT --minutes 30 --name default-30min

CACHE is what bench/simulate_training_set.py writes: ``<kind>_<seed>.npz`` with the arrays ``swi``,
``qsm`` (ppm, 0 outside its mask), ``t2w_on_swi``, ``brain_mask``, ``truth`` (0, or the class) and
``affine``. Subjects may still appear while the training runs. Started again, it goes on where it
was.
"""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from simulate_training_set import SEEDS

from deepmir_bids import INPUTS
from deepmir_bids.model import load_model
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.prediction import Model
from deepmir_bids.settings import DEFAULT_MODEL
from deepmir_bids.training.threshold_choice import calibrated, seek_with_each_combination
from deepmir_bids.training.training_loop import train
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import CachedSubject, cache_subject
from deepmir_bids.training.untrained_card import baseline_card, blank_card
from deepmir_bids.training.write_model import draw_curves, write_model

TRAINING = {'enriched': SEEDS['enriched'], 'natural': SEEDS['natural'][:8]}
VALIDATION = {'natural': SEEDS['natural'][8:]}
#: For networks that are only compared: a slice-wise one takes ten seconds a subject.
FEWER = {'natural': VALIDATION['natural'][:14]}
#: A few of them show how a training goes.
WATCHED = {'natural': VALIDATION['natural'][:6]}
TEST = {'test': SEEDS['test']}


def main() -> None:
    """Train, calibrate and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--steps', type=int, default=10**6, help='end earlier, after so many')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--init', help='model to start from')
    parser.add_argument('--name', default=DEFAULT_MODEL, help='of the model that is trained')
    parser.add_argument(
        '--baseline', nargs='+', choices=INPUTS, metavar='INPUT', help='train DeepMIR2D instead'
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)

    card = blank_card(options.name)
    # Weights that are good already are changed more slowly.
    learning = {'rate': 1e-3} if options.init else {}
    if options.baseline:
        inputs = tuple(options.baseline)
        card = baseline_card('-'.join(['deepmir2d', *inputs]), inputs)
        # Adam as Keras has it. On a CPU small batches get further in the same time, and a
        # validation takes minutes, which count as training.
        learning = {'rate': 1e-3, 'weight_decay': 0.0, 'batch': 4, 'validations': 1}
    cache = Cache(options.cache, card)
    subjects = cache.arrivals(TRAINING)
    validation = cache.arrivals(WATCHED)
    print(f'{len(subjects)} training subjects', flush=True)

    initial = load_model(options.init) if options.init else None
    model, progress = train(
        card,
        subjects,
        validation,
        Plan(steps=options.steps, seconds=60 * options.minutes, **learning),
        options.out,
        initial=initial.network if initial else None,
        arrivals=lambda: cache.arrivals(TRAINING),
    )
    draw_curves(progress.history, options.out / 'curves.png')
    validation += cache.arrivals(VALIDATION if card.name == DEFAULT_MODEL else FEWER)
    names = {subject.name for subject in subjects}
    subjects.clear()  # their memory is needed now
    history = {}
    if initial:
        names.update(initial.card.training['subjects'])
        history = {'started_from': past(initial.card)}
    finish(model, names, validation, progress, history, options.out)


class Cache:
    """The simulated subjects that exist by now; each is read once."""

    def __init__(self, folder: Path, card: ModelCard):
        self.folder = folder
        self.card = card
        self.seen: set[str] = set()

    def arrivals(self, wanted: dict[str, range]) -> list[CachedSubject]:
        """Subjects of ``wanted`` (kind → seeds) that have not been handed out."""
        names = [f'{kind}_{seed}' for kind, seeds in wanted.items() for seed in seeds]
        new = [n for n in names if n not in self.seen and (self.folder / f'{n}.npz').is_file()]
        self.seen.update(new)
        return [self.read(name) for name in new]

    def read(self, name: str) -> CachedSubject:
        """Read and prepare one subject."""
        with np.load(self.folder / f'{name}.npz') as arrays:
            part = dict(arrays)
        return cache_subject(
            name,
            part['swi'],
            part['qsm'],
            part['t2w_on_swi'],
            part['brain_mask'],
            part['truth'],
            part['affine'],
            self.card,
            part.get('iron_mask'),
        )


def past(card: ModelCard) -> dict:
    """What the card of a model should say of the model that its training began with."""
    known = ('started_from', 'steps', 'minutes')
    return {'sha256': card.sha256, **{k: card.training[k] for k in known if k in card.training}}


def finish(model: Model, names, validation, progress, history: dict, out: Path) -> None:
    """Calibrate on the validation subjects and write the model; bench/results.py tests it."""
    model = calibrated(model, seek_with_each_combination(model, validation))
    print(model.card.thresholds, model.card.extent)
    here = Path(__file__).parent
    commit = subprocess.check_output(['git', 'rev-parse', 'HEAD'], text=True, cwd=here).strip()
    card = replace(
        model.card,
        training={
            'data': 'simulated images only (deepmir_bids.simulation), no image of a person',
            'subjects': sorted(names),
            'validation': [s.name for s in validation],
            **history,
            'seed': 0,
            'commit': commit,
            'steps': progress.step,
            'minutes': round(progress.seconds / 60, 1),
        },
    )
    write_model(replace(model, card=card), out / model.card.name)


if __name__ == '__main__':
    main()
