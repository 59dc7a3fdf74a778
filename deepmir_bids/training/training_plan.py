"""How long and how fast a network learns, and when something else is done in between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepmir_bids.training.checkpoint import TrainingProgress


@dataclass(frozen=True)
class Plan:
    """How long and how to train. Whichever of ``steps`` and ``seconds`` comes first ends it."""

    steps: int
    seconds: float = math.inf
    batch: int = 8
    rate: float = 2e-3
    weight_decay: float = 1e-3
    warmup_steps: int = 100
    averaging: float = 0.998
    look_every: int = 40
    mine_every: int = 160
    mined_subjects: int = 3
    save_every: int = 80
    validations: int = 4
    batches_ahead: int = 2
    seed: int = 0

    def pause(self, step: int) -> int:
        """Next step after which something else than learning is due."""
        every = (self.look_every, self.mine_every, self.save_every)
        return min(self.steps, *(step - step % n + n for n in every))

    def fraction(self, progress: TrainingProgress) -> float:
        """How much of the training is done, 0 to 1."""
        return min(1.0, max(progress.step / self.steps, progress.seconds / self.seconds))

    def learning_rate(self, progress: TrainingProgress) -> float:
        """Linear warm-up, then half a cosine to zero (Loshchilov & Hutter 2017)."""
        warm = min(1.0, (progress.step + 1) / self.warmup_steps)
        return self.rate * warm * (1 + math.cos(math.pi * self.fraction(progress))) / 2
