"""What a network's outputs mean."""

from dataclasses import replace

import numpy as np

from deepmir_bids.model import load_model
from deepmir_bids.model.chances import Chance, as_chances
from deepmir_bids.model.prediction import meant, predict


def test_chances_keep_the_order_and_the_ends():
    outputs = np.linspace(0, 1, 1001)
    chances = Chance(1.3, -2.0).of(outputs)
    assert (np.diff(chances) > 0).all()
    assert (chances[0], chances[-1]) == (0, 1)
    np.testing.assert_allclose(Chance(1.0, 0.0).of(outputs), outputs, atol=1e-12)


def test_a_class_without_a_meaning_stays_as_it_is():
    outputs = np.random.default_rng(0).random((2, 6, 5, 4)).astype(np.float32)
    chances = as_chances(outputs, {'iron': Chance(1.0, -1.0)})
    np.testing.assert_array_equal(chances[0], outputs[0])
    assert chances.dtype == np.float32
    assert (chances[1] < outputs[1]).all()
    assert as_chances(outputs, {}) is outputs


def test_meanings_are_those_of_the_images_that_are_there(model_folder):
    model = load_model(model_folder)
    x = np.random.default_rng(0).normal(size=(3, 16, 12, 6)).astype(np.float32)
    # A corner that was not measured does not make an image a missing one, nor does its middle.
    x[1, 6:10, 4:8, 2:5] = np.nan
    without = x.copy()
    without[1] = np.nan
    chance = Chance(2.0, -1.0)
    chances = {'swi+qsm+t2w': {'CMB': chance}, 'swi+t2w': {'iron': chance}}
    meaning = replace(model, card=replace(model.card, chances=chances))
    for images, changed in ((x, 0), (without, 1)):
        outputs = predict(model, images)
        found = meant(meaning, images, outputs)
        np.testing.assert_allclose(found[changed], chance.of(outputs[changed]), rtol=1e-5)
        np.testing.assert_array_equal(found[1 - changed], outputs[1 - changed])
