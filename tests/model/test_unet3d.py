"""The network takes any size, and never looks at what was not measured."""

import pytest
import torch

from deepmir_bids.model.network_choice import build
from deepmir_bids.model.unet3d import _fold, _unfold

ARGUMENTS = {'features': [8, 16], 'fold': [2, 2, 1]}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build('UNet3D', ARGUMENTS).eval()


@pytest.mark.parametrize('size', [(16, 16, 8), (13, 18, 7), (5, 3, 1)])
def test_any_size_comes_back(network, size):
    with torch.inference_mode():
        assert network(torch.rand(1, 3, *size)).shape == (1, 2, *size)


def test_missing_inputs_give_finite_logits(network):
    x = torch.rand(1, 3, 12, 12, 6)
    x[:, 1] = float('nan')
    x[:, 2, :4] = float('nan')
    with torch.inference_mode():
        assert torch.isfinite(network(x)).all()


def test_a_missing_input_is_not_an_input_of_zeros(network):
    x = torch.rand(1, 3, 12, 12, 6)
    zero, missing = x.clone(), x.clone()
    zero[:, 1] = 0
    missing[:, 1] = float('nan')
    with torch.inference_mode():
        assert not torch.allclose(network(zero), network(missing))


def test_fold_keeps_neighbours_together_and_unfold_undoes_it():
    x = torch.arange(2 * 3 * 4 * 6 * 2.0).reshape(2, 3, 4, 6, 2)
    folded = _fold(x, (2, 2, 1))
    assert folded.shape == (2, 12, 2, 3, 2)
    assert set(folded[0, :4, 0, 0, 0].tolist()) == set(x[0, 0, :2, :2, 0].flatten().tolist())
    assert torch.equal(_unfold(folded, (2, 2, 1)), x)


def test_padding_inside_equals_padding_outside(network):
    x = torch.rand(1, 3, 13, 16, 8)
    padded = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, 3), value=float('nan'))
    with torch.inference_mode():
        torch.testing.assert_close(network(x), network(padded)[:, :, :13])


def test_an_unknown_network_is_a_key_error():
    with pytest.raises(KeyError):
        build('UNet4D', {})
