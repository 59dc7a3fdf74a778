"""Prediction over a volume."""

import numpy as np
import torch

from deepmir_bids.model import load_model, prediction
from deepmir_bids.model.chances import STEP
from deepmir_bids.model.prediction import predict, probabilities_on_swi


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


def test_a_volume_too_large_goes_through_in_windows(model_folder, monkeypatch):
    model = load_model(model_folder)
    x = np.random.default_rng(0).normal(size=(3, 64, 40, 24)).astype(np.float32)
    whole = predict(model, x, mirror=False)
    monkeypatch.setattr(prediction, 'VOXELS_WHOLE', 20_000)
    monkeypatch.setattr(prediction, 'WINDOW', (48, 48, 32))
    windows = predict(model, x, mirror=False)
    assert windows.shape == whole.shape
    # Each window has borders of its own: alike, not the same.
    assert 0 < np.abs(windows - whole).mean() < 0.05 * whole.std()


def head(shape):
    """SWI with an empty slice on top, QSM and brain mask."""
    rng = np.random.default_rng(0)
    swi = rng.uniform(10, 100, shape)
    swi[..., -1] = 0
    return swi, rng.normal(0, 0.1, shape), np.ones(shape, dtype=bool)


def test_slices_go_through_a_2d_network_one_by_one(slices_folder):
    model = load_model(slices_folder(('swi', 'qsm'), ('iron', 'CMB')))
    swi, qsm, mask = head((30, 21, 11))
    found = probabilities_on_swi(model, swi, qsm, None, mask, np.eye(4))
    assert found.shape == (2, *swi.shape)
    assert not found[..., -1].any()

    padded = np.zeros((2, 256, 256, 11))
    for channel, image in enumerate((swi, qsm)):
        stretched = (image - image.min()) / (image.max() - image.min()) * 255
        padded[channel, 113:143, 117:138] = stretched
        padded[channel] = (padded[channel] - padded[channel].mean()) / padded[channel].std()
    for k in (0, 4, 9):
        background, iron, cmb = model.probabilities(padded[None, ..., k])[0, :, 113:143, 117:138]
        expected = [cmb / (cmb + np.maximum(background, iron)),
                    iron / (iron + np.maximum(background, cmb))]  # fmt: skip
        np.testing.assert_allclose(found[..., k], expected, atol=0.51 * STEP)
    steps = found / STEP
    np.testing.assert_array_equal(steps, np.rint(steps))


def test_a_class_that_the_model_does_not_know_has_no_probability(slices_folder):
    model = load_model(slices_folder(('swi',), ('iron',)))
    swi, qsm, mask = head((30, 21, 5))
    cmb, iron = probabilities_on_swi(model, swi, qsm, None, mask, np.eye(4), threads=1)
    assert not cmb.any()
    assert iron[..., :-1].all()


def test_a_working_grid_comes_back_to_the_swi(model_folder):
    swi, qsm, mask = head((40, 36, 12))
    found = probabilities_on_swi(
        load_model(model_folder), swi, qsm, None, mask, np.diag([-1.0, 1, 2, 1])
    )
    assert found.shape == (2, *swi.shape)
    assert 0 < found.max() < 1


def test_exact_results_of_a_gpu_still_come_from_cudnn():
    before = torch.backends.cudnn.allow_tf32
    with prediction.precision('cuda', exact=True):
        assert torch.backends.cudnn.enabled
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
