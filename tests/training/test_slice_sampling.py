"""Slices for a 2D network: both kinds, moved together with their labels, and learnt from."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepmir_bids import CLASSES
from deepmir_bids.training.slice_sampling import SIZE, sample_slices, slice_loss
from deepmir_bids.training.training_loop import train
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import cache_subject
from deepmir_bids.training.untrained_card import baseline_card


@pytest.fixture
def flat_card():
    card = baseline_card('flat', ('swi', 'qsm'))
    arguments = {**card.network['arguments'], 'width': 2}
    return replace(card, network={'name': 'DeepMIR2D', 'arguments': arguments})


@pytest.fixture
def flat_subject(flat_card, draw_subject):
    swi, qsm, t2w, brain_mask, truth, affine = draw_subject(0)
    return cache_subject('one', swi, qsm, t2w, brain_mask, truth, affine, flat_card)


def drawn(*args):
    """A batch as arrays."""
    return [part.numpy() for part in sample_slices(*args)]


def test_every_other_slice_shows_a_lesion(flat_subject):
    x, target, weight = drawn([flat_subject], 6, np.random.default_rng(0))
    assert x.shape == (6, 2, SIZE, SIZE)
    assert target.shape == (6, 2, SIZE, SIZE)
    assert weight.shape == (6, 1, SIZE, SIZE)
    assert np.isfinite(x).all()
    shown = target.reshape(6, -1).max(axis=1) > 0.5
    np.testing.assert_array_equal(shown, [True, False] * 3)


def test_each_class_is_shown_as_often_however_rare(flat_subject):
    assert {name: len(places) for name, places in flat_subject.lesions.items()} == {
        'CMB': 2, 'iron': 1,
    }  # fmt: skip
    _, target, _ = drawn([flat_subject], 80, np.random.default_rng(0))
    shown = target[::2].max(axis=(2, 3)) > 0.5
    assert 12 <= shown[:, 1].sum() <= 28


def test_labels_move_with_their_image(flat_subject):
    x, target, _ = drawn([flat_subject], 8, np.random.default_rng(1))
    for image, label in zip(x[::2], target[::2], strict=True):
        inside = label.max(axis=0) > 0.9
        assert image[0][inside].mean() < image[0].max() / 2  # dark on the SWI
        assert image[1][inside].mean() > 1  # bright on the QSM


def test_the_loss_falls_with_the_right_class_alone():
    target = torch.zeros(1, len(CLASSES), 4, 4)
    target[0, 0, 3, 3] = target[0, 1, 0, 0] = 1
    weight = torch.ones(1, 1, 4, 4)
    right = torch.zeros(1, 3, 4, 4)
    right[:, 0] = 10
    wrong = right.clone()
    for logits, cmb, iron in ((right, 1, 2), (wrong, 2, 1)):
        logits[0, :, 3, 3] = 10 * torch.eye(3)[cmb]
        logits[0, :, 0, 0] = 10 * torch.eye(3)[iron]
    assert slice_loss(right, target, weight) < 0.1
    assert slice_loss(wrong, target, weight) > 1


def test_a_class_that_its_relu_silenced_can_be_learnt_again():
    target = torch.zeros(1, len(CLASSES), 4, 4)
    target[0, 0, 0, 0] = 1
    logits = torch.full((1, 3, 4, 4), -2.0, requires_grad=True)
    slice_loss(logits, target, torch.ones(1, 1, 4, 4)).backward()
    assert logits.grad[0, 1, 0, 0] < 0


def test_the_baseline_learns_and_wants_all_its_inputs(flat_card, flat_subject, tmp_path):
    plan = Plan(steps=6, batch=2, validations=1, rate=5e-3, warmup_steps=1, averaging=0.5)
    model, progress = train(flat_card, [flat_subject], [flat_subject], plan, tmp_path)
    assert progress.step == 6
    assert model.card.needs == ('swi', 'qsm')
    assert model.card.combinations == [('swi', 'qsm')]
