"""A tiny subject whose lesions are easy to see."""

from dataclasses import replace

import numpy as np
import pytest

from deepmir_bids.training.training_subjects import cache_subject
from deepmir_bids.training.untrained_card import blank_card


@pytest.fixture
def card():
    network = {'name': 'UNet3D', 'arguments': {'features': [8, 16], 'fold': [2, 2, 1]}}
    return replace(blank_card('small'), network=network, margin_mm=2.0)


def draw(seed):
    """SWI, QSM, T2w, brain mask, truth and affine: two CMB and one iron deposit in a ball."""
    rng = np.random.default_rng(seed)
    shape = (48, 48, 24)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing='ij'))
    brain_mask = (grid**2).sum(axis=0) < 0.9
    swi = np.abs(100 * brain_mask + rng.normal(0, 4, shape))
    qsm = np.where(brain_mask, rng.normal(0, 0.02, shape), 0)
    t2w = np.abs(100 * brain_mask + rng.normal(0, 8, shape))
    truth = np.zeros(shape, dtype=np.uint8)
    for value, (i, j, k) in ((1, (14, 20, 8)), (1, (30, 30, 12)), (2, (20, 34, 16))):
        size = 2 if value == 1 else 4
        truth[i : i + size, j : j + size, k : k + 2] = value
    swi[truth > 0] *= 0.3
    qsm[truth > 0] += 0.3
    t2w[truth == 2] *= 0.3
    return swi, qsm, t2w, brain_mask, truth, np.diag([0.9, 0.9, 2.0, 1.0])


@pytest.fixture
def draw_subject():
    """Return the function that draws a subject's arrays from a seed."""
    return draw


@pytest.fixture
def subject(card):
    swi, qsm, t2w, brain_mask, truth, affine = draw(0)
    return cache_subject('one', swi, qsm, t2w, brain_mask, truth, affine, card)
