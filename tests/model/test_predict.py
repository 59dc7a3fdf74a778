"""Prediction over a volume."""

import numpy as np
import torch

from deepmir_bids.model import load_model
from deepmir_bids.model.predict import predict


def test_probabilities_of_arrays_and_tensors(model_folder):
    model = load_model(model_folder)
    x = np.random.default_rng(0).normal(size=(1, 3, 14, 12, 6)).astype(np.float32)
    x[:, 1] = np.nan
    from_array = model.probabilities(x)
    from_tensor = model.probabilities(torch.from_numpy(x))
    assert from_array.shape == (1, 2, 14, 12, 6)
    assert from_array.dtype == np.float32
    np.testing.assert_array_equal(from_tensor.numpy(), from_array)
    assert 0 <= from_array.min() <= from_array.max() <= 1


def test_the_mirror_image_has_the_mirrored_result(model_folder):
    model = load_model(model_folder)
    x = np.random.default_rng(0).normal(size=(3, 16, 12, 6)).astype(np.float32)
    straight = predict(model, x, threads=1)
    np.testing.assert_allclose(predict(model, x[:, ::-1], threads=1)[:, ::-1], straight, atol=1e-6)
    np.testing.assert_array_equal(predict(model, x, threads=1), straight)
