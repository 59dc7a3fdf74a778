"""A network that learns: one step of gradient descent, and the running average of its weights."""

from __future__ import annotations

import copy

import torch

from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.network_choice import build
from deepmir_bids.model.prediction import Model, fast_precision
from deepmir_bids.training.checkpoint import TrainingProgress
from deepmir_bids.training.teaching_methods import METHODS
from deepmir_bids.training.training_plan import Plan


class Learner:
    """A card's network, what teaches it, and the average of its weights that becomes the model.

    Parameters
    ----------
    card
        Of the network.
    plan
        How fast it learns.
    device
        As torch names it.
    initial
        Weights to start from, of the same network.

    """

    def __init__(
        self,
        card: ModelCard,
        plan: Plan,
        device: str = 'cpu',
        initial: torch.nn.Module | None = None,
    ):
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.network = build(card.network['name'], card.network['arguments']).to(device)
        if initial is not None:
            self.network.load_state_dict(initial.state_dict())
        self.method = METHODS[self.network.spatial_dims]
        self.average = copy.deepcopy(self.network).eval()
        self.average.exact = False  # what is learnt here need not agree to the last digit
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=plan.rate, weight_decay=plan.weight_decay
        )
        self.model = Model(card, self.average)

    def step(self, batch: tuple[torch.Tensor, ...], progress: TrainingProgress) -> float:
        """Learn from a batch (x, target, weight); return the loss."""
        x, target, weight = batch
        self.network.train()
        with fast_precision(x.device):
            logits = self.network(x)
        loss = self.method.loss(logits.float(), target, weight)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        for group in self.optimizer.param_groups:
            group['lr'] = self.plan.learning_rate(progress)
        self.optimizer.step()
        self._remember(progress)
        return float(loss.detach())

    @torch.no_grad()
    def _remember(self, progress: TrainingProgress) -> None:
        """Add the weights of now to their running average (Polyak & Juditsky 1992)."""
        # Early on a long average would only remember the random start.
        keep = min(self.plan.averaging, (progress.step + 1) / (progress.step + 10))
        for mean, now in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)
