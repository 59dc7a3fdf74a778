"""How many patches a second a network learns from, and what of that cutting them takes.

    python bench/training_time.py CACHE --json FILE [--steps 300] [--batch 8] [--device cuda]

CACHE is what bench/simulate_training_set.py writes. The training is deepmir's own loop with all
that belongs to it but validation. Writes patches a second of the whole, of cutting alone and of
learning alone from one batch, and the mean loss of each tenth of the steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from train_default import TRAINING, Cache
from unit_time import machine

from deepmir_bids.training.checkpoint import TrainingProgress
from deepmir_bids.training.learner import Learner
from deepmir_bids.training.teaching_methods import METHODS
from deepmir_bids.training.training_loop import train
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.untrained_card import blank_card

#: Steps before anything is timed: a GPU loads its programs when they are first called.
WARM = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('--json', type=Path, required=True)
    parser.add_argument('--steps', type=int, default=300)
    parser.add_argument('--batch', type=int, default=Plan(steps=1).batch)
    parser.add_argument('--device', default='cpu')
    options = parser.parse_args()
    card = blank_card('timed')
    subjects = Cache(options.cache, card).arrivals(TRAINING)
    plan = Plan(steps=options.steps, batch=options.batch, validations=0)

    def trained(plan: Plan) -> TrainingProgress:
        with tempfile.TemporaryDirectory() as folder:
            _, progress = train(card, subjects, [], plan, Path(folder), device=options.device)
        return progress

    trained(replace(plan, steps=WARM))
    progress = trained(plan)
    tenths = np.array_split(progress.losses, 10)
    report = {
        'machine': machine(),
        'device': device_name(options.device),
        'subjects': len(subjects),
        'batch': plan.batch,
        'steps': plan.steps,
        'patches_s': plan.steps * plan.batch / progress.seconds,
        'cutting_patches_s': cutting(subjects, plan, options.device),
        'learning_patches_s': learning(card, subjects, plan, options.device),
        'losses': [round(float(part.mean()), 4) for part in tenths],
    }
    options.json.write_text(json.dumps(report, indent=2) + '\n')
    print(json.dumps(report, indent=2))


def cutting(subjects, plan: Plan, device: str) -> float:
    """Patches a second of batches that nobody learns from."""
    steps = iter(range(10**6))

    def cut() -> None:
        rng = np.random.default_rng(next(steps))
        METHODS[3].sample(subjects, plan.batch, rng, device)

    return plan.batch / seconds(cut, device)


def learning(card, subjects, plan: Plan, device: str) -> float:
    """Patches a second of steps that all learn from one batch."""
    learner = Learner(card, plan, device)
    batch = METHODS[3].sample(subjects, plan.batch, np.random.default_rng(0), device)
    return plan.batch / seconds(lambda: learner.step(batch, TrainingProgress()), device)


def seconds(work: Callable[[], object], device: str, repeats: int = 20) -> float:
    """Median time of some work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def device_name(device: str) -> str:
    """What computes."""
    return torch.cuda.get_device_name() if device == 'cuda' else machine()['processor']


if __name__ == '__main__':
    main()
