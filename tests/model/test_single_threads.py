"""The same result, to the last digit, on any number of threads."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from deepmir_bids.model import load_model, prediction
from deepmir_bids.model.network_input import prepare, restore
from deepmir_bids.model.prediction import predict
from deepmir_bids.model.single_threads import by_slabs, map_pieces

#: One thread, and numbers that divide the work and do not.
THREADS = (1, 2, 4, 7)


def volume(*shape):
    return np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)


def assert_same_on_any_number(function):
    first, *others = [function(threads) for threads in (*THREADS, 1)]
    for other in others:
        np.testing.assert_array_equal(other, first)


# On these a convolution or a sigmoid differed.
@pytest.mark.parametrize('shape', [(16, 24, 9), (77, 93, 61)])
def test_the_default_network_on_any_number_of_threads(shape):
    model, x = load_model(), volume(*shape)
    assert_same_on_any_number(lambda threads: predict(model, x, threads=threads, mirror=False))


def test_bfloat16_on_any_number_of_threads(monkeypatch, model_folder):
    model, x = load_model(model_folder), volume(40, 24, 9)
    # A processor that multiplies bfloat16 by itself would take it for either.
    monkeypatch.setattr(prediction, 'fast_precision', lambda _: nullcontext())
    float32 = predict(model, x)
    monkeypatch.setattr(
        prediction, 'fast_precision', lambda _: torch.autocast('cpu', torch.bfloat16)
    )
    assert_same_on_any_number(lambda threads: predict(model, x, threads=threads))
    difference = np.abs(predict(model, x) - float32)
    assert 0 < difference.max() < 0.05


def test_slices_on_any_number_of_threads(slices_folder):
    model = load_model(slices_folder(('swi', 'qsm', 't2w'), ('CMB', 'iron')))
    x = volume(256, 256, 5)
    assert_same_on_any_number(lambda threads: predict(model, x, threads=threads))


def test_preparing_and_restoring_on_any_number_of_threads(model_folder):
    from threadpoolctl import threadpool_limits

    card = load_model(model_folder).card
    swi, qsm, t2w = volume(50, 44, 20) + 10
    turn = np.array([[0.6, 0.1, 0, 3], [-0.1, 0.6, 0.05, 2], [0, 0, 1.7, 1], [0, 0, 0, 1]])

    def there_and_back(threads):
        with threadpool_limits(threads):
            prepared = prepare(swi, qsm, t2w, np.ones(swi.shape, dtype=bool), turn, card)
            back = restore(np.nan_to_num(prepared.x), prepared.grid)
            return np.concatenate([prepared.x.ravel(), back.ravel()])

    assert_same_on_any_number(there_and_back)


@pytest.mark.parametrize(
    'layers',
    [
        [nn.Conv3d(4, 6, 3, padding=1), nn.BatchNorm3d(6), nn.ReLU(inplace=True)],
        [nn.Conv3d(4, 8, 2, stride=2), nn.BatchNorm3d(8), nn.Sequential(nn.Conv3d(8, 2, 1))],
        [nn.ConvTranspose3d(4, 3, 2, stride=2), nn.Conv3d(3, 2, 1)],
    ],
)
@pytest.mark.parametrize('thickness', [2, 12, 26])
def test_slabs_make_no_difference(layers, thickness):
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, thickness, 10, 8))).float()
    layers = nn.Sequential(*layers).eval()
    with torch.inference_mode():
        torch.testing.assert_close(by_slabs(layers, x), layers(x), atol=1e-5, rtol=0)


def test_a_network_learns_through_its_layers_as_they_are():
    layers = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU())
    by_slabs(layers, torch.ones(1, 1, 20, 4, 4)).sum().backward()
    assert layers[0].weight.grad.abs().sum() > 0


def test_pieces_see_one_thread_and_the_caller_keeps_its_number():
    with prediction.torch_threads(3):
        assert map_pieces(lambda piece: (piece, torch.get_num_threads()), range(5)) == [
            (piece, 1) for piece in range(5)
        ]
        assert torch.get_num_threads() == 3


def test_an_error_in_a_piece_is_told():
    with pytest.raises(ZeroDivisionError):
        map_pieces(lambda piece: 1 / piece, [1, 0])
