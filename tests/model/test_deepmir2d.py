"""The authors' network: its size, its head, and what becomes of its argmax."""

import numpy as np
import pytest
import torch

from deepmir_bids.lesions.connected_lesions import class_map, find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.network_choice import build


def test_it_has_the_published_size():
    with torch.device('meta'):
        network = build('DeepMIR2D', {'inputs': 3, 'outputs': 3, 'width': 32})
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == 31_110_563


def test_batch_normalisation_is_that_of_keras(deepmir2d):
    norms = [m for m in deepmir2d(1, 1).modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 27
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_convolutions_start_he_normal():
    torch.manual_seed(0)
    network = build('DeepMIR2D', {'width': 8})
    weight = network.down[4][3].weight.detach()
    expected = (2 / (9 * weight.shape[1])) ** 0.5
    assert weight.std().item() == pytest.approx(expected, rel=0.02)
    assert weight.abs().max() <= 2 * expected / 0.8796 + 1e-6


@pytest.mark.parametrize('outputs', [1, 3])
def test_an_untrained_network_finds_next_to_nothing(outputs):
    torch.manual_seed(0)
    network = build('DeepMIR2D', {'inputs': 1, 'outputs': outputs, 'width': 4}).eval()
    with torch.inference_mode():
        found = network.lesions(network.activate(network(torch.randn(1, 1, 64, 64))))
    assert found.max() < 0.05


@pytest.mark.parametrize('size', [(32, 64), (45, 33), (1, 70)])
@pytest.mark.parametrize('outputs', [1, 2, 3])
def test_any_size_comes_back_as_probabilities(deepmir2d, size, outputs):
    network = deepmir2d(2, outputs)
    with torch.inference_mode():
        found = network.activate(network(torch.randn(2, 2, *size)))
    assert found.shape == (2, outputs, *size)
    assert 0 <= found.min() < found.max() <= 1
    if outputs > 1:
        torch.testing.assert_close(found.sum(dim=1), torch.ones(2, *size))


def test_the_softmax_has_a_relu_before_it(deepmir2d):
    logits = torch.tensor([-3.0, -1.0, 2.0]).reshape(1, 3, 1, 1)
    expected = torch.tensor([1.0, 1.0, np.exp(2)]) / (2 + np.exp(2))
    found = deepmir2d(1, 3).activate(logits).flatten()
    torch.testing.assert_close(found, expected.float())


def test_half_is_the_argmax_and_ties_go_to_the_first(deepmir2d):
    """Logits of which many are equal or negative, as dead channels leave them."""
    network = deepmir2d(1, 3)
    logits = np.random.default_rng(0).integers(-2, 4, (1, 3, 40, 40)).astype(np.float32)
    logits[0, :, :20, :20] *= 30  # certain, so that a rounded sum would be 1
    probabilities = network.activate(torch.from_numpy(logits))
    lesions = network.lesions(probabilities).numpy()[0, ..., None]
    everywhere = np.ones((40, 40, 1), dtype=bool)
    found = find_lesions(
        lesions,
        DetectionCriteria({'CMB': 0.5, 'iron': 0.5}, {'CMB': 0.5, 'iron': 0.5}, min_volume_mm3=0),
        (1, 1, 1),
        brain_mask=everywhere,
        iron_mask=everywhere,
    )
    classes = class_map(found.labels, found.lesions)
    argmax = np.maximum(logits[0], 0).argmax(axis=0)
    assert set(np.unique(argmax)) == {0, 1, 2}
    np.testing.assert_array_equal(classes[..., 0], argmax)


def test_a_single_class_is_its_own_probability(deepmir2d):
    probabilities = torch.rand(1, 1, 4, 4)
    assert torch.equal(deepmir2d(1, 1).lesions(probabilities), probabilities)


@pytest.mark.parametrize('outputs', [1, 3])
def test_it_can_be_trained(deepmir2d, outputs):
    network = deepmir2d(1, outputs).train()
    torch.manual_seed(0)
    x = torch.randn(2, 1, 32, 32)
    target = (x > 1).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-2)
    losses = []
    for _ in range(30):
        lesion = network.lesions(network.activate(network(x)))[:, :1]
        loss = torch.nn.functional.binary_cross_entropy(lesion, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    assert losses[-1] < 0.7 * losses[0]
