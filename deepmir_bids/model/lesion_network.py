"""What every network has in common, whatever its dimensions and its head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn


class LesionNetwork(nn.Module, ABC):
    """From images to logits, and from logits to probabilities of lesions.

    Attributes
    ----------
    spatial_dims
        3 for a network of volumes, 2 for one of axial slices.
    memory_format
        Order of the weights in memory that is fast on a CPU.
    exact
        Whether results are owed to the last digits, so that bfloat16 is out of the question.

    """

    spatial_dims: ClassVar[int]
    memory_format: ClassVar[torch.memory_format]
    exact: bool = False

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, output, *spatial) of ``x`` (batch, input, *spatial), of any size."""

    def activate(self, logits: torch.Tensor) -> torch.Tensor:
        """Probability of every output (batch, output, *spatial), independent of one another."""
        return torch.sigmoid(logits)

    def lesions(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Probabilities (batch, class, *spatial) of the lesion classes among the outputs."""
        return probabilities
