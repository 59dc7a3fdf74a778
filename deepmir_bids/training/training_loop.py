"""The training loop: batches, a schedule, hard negatives, checkpoints, and a progress line."""

from __future__ import annotations

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
from deepmir_bids.model.prediction import Model
from deepmir_bids.model.single_threads import be_alone, torch_threads
from deepmir_bids.training import checkpoint
from deepmir_bids.training.hard_places import mine
from deepmir_bids.training.learner import Learner
from deepmir_bids.training.teaching_methods import Method
from deepmir_bids.training.threshold_choice import score_classes, seek_candidates
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import CachedSubject

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
    learner = Learner(card, plan, device, initial)
    model, method = learner.model, learner.method
    progress = checkpoint.TrainingProgress()
    saved = folder / CHECKPOINT
    if saved.is_file():
        progress, hard = checkpoint.load(saved, learner)
        for subject in subjects:
            subject.hard = hard.get(subject.name, subject.hard)

    milestones = [(i + 1) / plan.validations for i in range(plan.validations)]
    milestones = [m for m in milestones if m > plan.fraction(progress)]
    clock = time.monotonic() - progress.seconds
    with progress_line() as line:
        task = line.add_task(title, total=1.0, completed=plan.fraction(progress))
        while plan.fraction(progress) < 1:
            for batch in batches(subjects, method, plan, progress.step, device):
                loss = learner.step(batch, progress)
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
                checkpoint.save(saved, progress, learner, hard)
    return model, progress


def batches(
    subjects: Sequence[CachedSubject],
    method: Method,
    plan: Plan,
    step: int,
    device: torch.device | str = 'cpu',
) -> Iterator[tuple]:
    """Batches from ``step`` to the plan's next pause, cut while the network learns from others.

    Each follows from the seed and its step alone, however many are cut at once. On a CPU each is
    cut on one thread: the others are busy learning.
    """

    def cut(step: int) -> tuple:
        rng = np.random.default_rng((plan.seed, step))
        return method.sample(subjects, plan.batch, rng, device)

    with (
        torch_threads(None),
        ThreadPoolExecutor(plan.batches_ahead, initializer=be_alone) as pool,
    ):
        waiting: deque[Future] = deque()
        for ahead in range(step, plan.pause(step)):
            waiting.append(pool.submit(cut, ahead))
            if len(waiting) > plan.batches_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


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
