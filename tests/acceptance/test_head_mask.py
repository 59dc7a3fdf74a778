"""The brain of a slab or a crop."""

import numpy as np

from deepmir_bids.acceptance.head_mask import brain_by_signal

RNG = np.random.default_rng(3)


def test_a_crop_within_the_brain_is_all_brain():
    crop = 100 + RNG.normal(0, 5, (40, 40, 30))
    crop[20, 20] = 10  # a vein
    assert brain_by_signal(crop, (0.5, 0.5, 1.0)).mean() > 0.99


def test_air_and_a_scalp_apart_are_not():
    x, y = np.mgrid[-40:40, -40:40]
    radius = np.hypot(x, y)[..., None] * np.ones(12)
    head = np.where((radius < 28) | ((radius > 34) & (radius < 38)), 100.0, 3)
    brain = brain_by_signal(head + RNG.normal(0, 2, head.shape), (2.0, 2.0, 2.0))
    assert brain[radius < 26].all()
    assert not brain[radius > 31].any()
