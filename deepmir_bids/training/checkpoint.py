"""What a training needs to go on after an interruption, in one file that appears whole.

Safetensors, not pickle: a checkpoint may come from elsewhere, and reading one must run no code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from deepmir_bids.errors import UsageError, in_brief

if TYPE_CHECKING:
    from deepmir_bids.training.learner import Learner


@dataclass
class TrainingProgress:
    """How far a training is, and how it went.

    ``losses`` are those of the steps since the last entry of ``history``.
    """

    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def save(
    path: Path, progress: TrainingProgress, learner: Learner, hard: Mapping[str, np.ndarray]
) -> None:
    """Write the state of a training; ``hard`` are each subject's hard places."""
    from safetensors.torch import save_file

    tensors = {f'network.{k}': v for k, v in learner.network.state_dict().items()}
    tensors |= {f'average.{k}': v for k, v in learner.average.state_dict().items()}
    for index, state in learner.optimizer.state_dict()['state'].items():
        tensors |= {f'optimizer.{index}.{k}': torch.as_tensor(v) for k, v in state.items()}
    tensors |= {f'hard.{k}': torch.as_tensor(v) for k, v in hard.items()}
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    beside = path.with_suffix('.part')
    save_file(tensors, beside, metadata={'progress': json.dumps(asdict(progress))})
    os.replace(beside, path)


def load(path: Path, learner: Learner) -> tuple[TrainingProgress, dict[str, np.ndarray]]:
    """Bring a learner to a saved state.

    Returns
    -------
    progress
        How far the training was.
    hard
        Subject → its hard places (n, 3) by then.

    Raises
    ------
    UsageError
        It is damaged, or of another training.

    """
    try:
        return _load(path, learner)
    except Exception as error:
        # torch and safetensors answer what does not fit with almost any error.
        raise UsageError(
            f'{path} cannot be gone on with ({in_brief(error)}): take it away to begin again.'
        ) from error


def _load(path: Path, learner: Learner):
    from safetensors import safe_open

    parts: dict[str, dict[str, torch.Tensor]] = {
        'network': {}, 'average': {}, 'optimizer': {}, 'hard': {}
    }  # fmt: skip
    with safe_open(path, 'pt') as file:
        progress = TrainingProgress(**json.loads(file.metadata()['progress']))
        for key in file.keys():  # noqa: SIM118 - not a mapping
            part, _, name = key.partition('.')
            parts[part][name] = file.get_tensor(key)
    learner.network.load_state_dict(parts['network'])
    learner.average.load_state_dict(parts['average'])
    state = learner.optimizer.state_dict()
    for key, value in parts['optimizer'].items():
        index, name = key.split('.')
        state['state'].setdefault(int(index), {})[name] = value
    learner.optimizer.load_state_dict(state)
    return progress, {name: places.numpy() for name, places in parts['hard'].items()}
