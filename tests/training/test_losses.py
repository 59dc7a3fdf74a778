"""The loss prefers the right answer, and small lesions count."""

import torch

from deepmir_bids.training.losses import lesion_loss


def scene():
    target = torch.zeros(1, 2, 16, 16, 16)
    target[0, 0, 4, 4, 4] = 1
    target[0, 0, 8:14, 8:14, 8:14] = 1
    weight = torch.ones(1, 1, 16, 16, 16)
    weight[0, 0, 4, 4, 4] = 5
    return target, weight


def test_right_is_better_than_nothing_and_than_everything():
    target, weight = scene()
    right = lesion_loss(20 * target - 10, target, weight)
    nothing = lesion_loss(torch.full_like(target, -10), target, weight)
    everything = lesion_loss(torch.full_like(target, 10), target, weight)
    assert right < 0.1 < nothing < everything


def test_weight_raises_the_price_of_a_missed_small_lesion():
    target, weight = scene()
    logits = 20 * target - 10
    logits[0, 0, 4, 4, 4] = -10
    heavy = lesion_loss(logits, target, weight)
    light = lesion_loss(logits, target, torch.ones_like(weight))
    assert heavy > light


def test_no_lesion_at_all_is_finite_and_differentiable():
    logits = torch.zeros(1, 2, 8, 8, 8, requires_grad=True)
    lesion_loss(logits, torch.zeros_like(logits), torch.ones(1, 1, 8, 8, 8)).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad > 0).all()
