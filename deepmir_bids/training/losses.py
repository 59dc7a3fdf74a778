"""What a network is trained to minimise: lesions are rare and small, the classes independent."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def lesion_loss(
    logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, positive: float = 2.0
) -> torch.Tensor:
    """Weighted cross-entropy plus soft Dice over the batch, mean over the classes.

    The cross-entropy is divided by the lesions' own weight in the batch, not by the number of
    voxels: a lesion then counts the same in a large patch as in a small one.

    Parameters
    ----------
    logits, target
        Tensors (batch, class, X, Y, Z); ``target`` is 0 to 1.
    weight
        Tensor (batch, 1, X, Y, Z), of lesion voxels; background voxels count 1 whatever it says.
    positive
        How much more a lesion's voxel counts than one of the background.

    """
    axes = (0, 2, 3, 4)
    heavy = 1 + target * (positive * weight - 1)
    entropy = F.binary_cross_entropy_with_logits(logits, target, weight=heavy, reduction='none')
    lesion_weight = (target * heavy).sum(axes)
    cross_entropy = entropy.sum(axes) / (lesion_weight + 1000)
    probability = torch.sigmoid(logits)
    overlap = (probability * target * weight).sum(axes)
    both = ((probability * (1 + target * (weight - 1))) + target * weight).sum(axes)
    dice = 1 - (2 * overlap + 20) / (both + 20)
    return (cross_entropy + dice).mean()
