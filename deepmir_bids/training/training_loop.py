"""The training loop: batches, a schedule, hard negatives, checkpoints, and a progress line."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch

from deepmir_bids import CLASSES
from deepmir_bids.model.freed_memory import keep_freed_memory
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.network_choice import build
from deepmir_bids.model.prediction import Model, fast_precision
from deepmir_bids.training import checkpoint
from deepmir_bids.training.teaching_methods import METHODS, Method
from deepmir_bids.training.threshold_choice import (
    SubjectCandidates,
    score_classes,
    seek_candidates,
)
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import CachedSubject, dark_places

CHECKPOINT = 'checkpoint.safetensors'


@keep_freed_memory()
def train(
    card: ModelCard,
    subjects: list[CachedSubject],
    validation: Sequence[CachedSubject],
    plan: Plan,
    folder: Path,
    *,
    initial: torch.nn.Module | None = None,
    device: str = 'cpu',
    title: str = 'training',
    arrivals: Callable[[], list[CachedSubject]] = list,
) -> tuple[Model, checkpoint.TrainingProgress]:
    """Train a card's network, or go on where ``folder``'s checkpoint ends.

    Parameters
    ----------
    card
        Network, spacing and normalisation.
    subjects, validation
        No subject may be in both.
    plan
        How long, and how fast.
    folder
        Of the checkpoint.
    initial
        Weights to start from, of the same network.
    device
        As torch names it.
    title
        Of the progress line.
    arrivals
        Asked now and then for more subjects to train on.

    Returns
    -------
    model
        With the running average of the weights (Polyak & Juditsky 1992).
    progress
        How it went.

    """
    torch.manual_seed(plan.seed)
    network = build(card.network['name'], card.network['arguments']).to(device)
    if initial is not None:
        network.load_state_dict(initial.state_dict())
    method = METHODS[network.spatial_dims]
    average = copy.deepcopy(network).eval()
    average.exact = False  # what is learnt here need not agree with anything to the last digit
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=plan.rate, weight_decay=plan.weight_decay
    )
    progress = checkpoint.TrainingProgress()
    saved = folder / CHECKPOINT
    if saved.is_file():
        progress, hard = checkpoint.load(saved, network, average, optimizer)
        for subject in subjects:
            subject.hard = hard.get(subject.name, subject.hard)

    model = Model(card, average)
    milestones = [(i + 1) / plan.validations for i in range(plan.validations)]
    milestones = [m for m in milestones if m > plan.fraction(progress)]
    clock = time.monotonic() - progress.seconds
    with progress_line() as line:
        task = line.add_task(title, total=1.0, completed=plan.fraction(progress))
        while plan.fraction(progress) < 1:
            for batch in batches(subjects, method, plan, progress.step):
                loss = step(network, average, optimizer, batch, method, plan, progress, device)
                progress.step += 1
                progress.losses.append(loss)
                progress.seconds = time.monotonic() - clock
                done = plan.fraction(progress)
                text = f'{title}: step {progress.step}, loss {np.mean(progress.losses[-50:]):.3f}'
                line.update(task, completed=done, description=text)
                if milestones and done >= milestones[0]:
                    milestones.pop(0)
                    record(model, validation, progress)
                    line.console.print(f'{title}: {in_words(progress, plan)}')
                if done >= 1:
                    break
            if progress.step % plan.look_every == 0:
                subjects += arrivals()
            if method.mines and progress.step % plan.mine_every == 0:
                mine(model, subjects, plan, progress.step)
            if progress.step % plan.save_every == 0 or plan.fraction(progress) >= 1:
                hard = {subject.name: subject.hard for subject in subjects}
                checkpoint.save(saved, progress, network, average, optimizer, hard)
    return model, progress


def batches(
    subjects: Sequence[CachedSubject], method: Method, plan: Plan, step: int
) -> Iterator[tuple]:
    """Batches from ``step`` to the plan's next pause, cut while the network learns from others.

    Each follows from the seed and its step alone, however many are cut at once.
    """

    def cut(step: int) -> tuple:
        return method.sample(subjects, plan.batch, np.random.default_rng((plan.seed, step)))

    with ThreadPoolExecutor(plan.batches_ahead) as pool:
        waiting: deque[Future] = deque()
        for ahead in range(step, plan.pause(step)):
            waiting.append(pool.submit(cut, ahead))
            if len(waiting) > plan.batches_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def step(
    network, average, optimizer, batch, method: Method, plan: Plan, progress, device
) -> float:
    """One step of gradient descent; return the loss."""
    x, target, weight = (torch.from_numpy(part).to(device) for part in batch)
    network.train()
    with fast_precision(device):
        logits = network(x)
    loss = method.loss(logits.float(), target, weight)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    for group in optimizer.param_groups:
        group['lr'] = plan.learning_rate(progress)
    optimizer.step()
    # Early on a long average would only remember the random start.
    keep = min(plan.averaging, (progress.step + 1) / (progress.step + 10))
    with torch.no_grad():
        for mean, now in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)
    return float(loss.detach())


def mine(model: Model, subjects: Sequence[CachedSubject], plan: Plan, seed: int) -> None:
    """Find what the network of now takes for lesions in some subjects, to show it to it again."""
    rng = np.random.default_rng((plan.seed, seed, 1))
    chosen = rng.choice(len(subjects), min(plan.mined_subjects, len(subjects)), replace=False)
    choices = model.card.combinations
    inputs = choices[rng.integers(len(choices))]
    for candidates in seek_candidates(model, [subjects[i] for i in chosen], inputs, mirror=False):
        grid = candidates.subject.prepared.grid
        places = [false_place(candidates, index) for name in CLASSES
                  for index in candidates.comparisons[name].match().false]  # fmt: skip
        mined = [np.clip(grid.locate(p), 0, np.array(grid.shape) - 1) for p in places[:100]]
        # A few dark places stay in: what was learnt must not be forgotten.
        candidates.subject.hard = np.array([*mined, *dark_places(candidates.subject, 30, seed)])


def false_place(candidates: SubjectCandidates, index: int) -> np.ndarray:
    """Centre of a candidate, in voxels of the SWI."""
    return np.argwhere(candidates.labels == index).mean(axis=0)


def record(model: Model, validation, progress: checkpoint.TrainingProgress) -> None:
    """Add the loss and the validation figures of now to the history."""
    loss = float(np.mean(progress.losses))
    progress.losses.clear()
    entry = {'step': progress.step, 'seconds': progress.seconds, 'loss': loss}
    half = dict.fromkeys(CLASSES, 0.5)
    for name, figures in score_classes(
        list(seek_candidates(model, validation, mirror=False)), half
    ).items():
        for key in ('sensitivity', 'precision', 'F1', 'FP_per_subject'):
            entry[f'{name} {key}'] = figures[key]
    progress.history.append(entry)


def in_words(progress: checkpoint.TrainingProgress, plan: Plan) -> str:
    """Say the last entry of the history and the time that is left, for a log."""
    entry, done = progress.history[-1], plan.fraction(progress)
    figures = ', '.join(f'{name} {entry[f"{name} F1"]:.2f}' for name in CLASSES)
    left = timedelta(seconds=round(progress.seconds * (1 - done) / done))
    return f'{done:.0%}, loss {entry["loss"]:.3f}, F1 on validation {figures}; {left} left'


def progress_line():
    """One line with what is done and what time is left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        TextColumn('{task.percentage:3.0f} %'),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
