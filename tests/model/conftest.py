"""Small models with random weights."""

from dataclasses import replace

import pytest


@pytest.fixture
def model_folder(tmp_path):
    import torch

    from deepmir_bids.model.network_choice import build
    from deepmir_bids.model.prediction import Model
    from deepmir_bids.training.untrained_card import blank_card
    from deepmir_bids.training.write_model import write_model

    torch.manual_seed(0)
    network = {'name': 'UNet3D', 'arguments': {'features': [8, 16], 'fold': [2, 2, 1]}}
    card = replace(blank_card('small'), network=network)
    write_model(Model(card, build(**network)), tmp_path / 'small')
    return tmp_path / 'small'


def random_deepmir2d(inputs, outputs, width=2, seed=0):
    """A DeepMIR2D in which no two tensors can be mistaken for one another."""
    import torch

    from deepmir_bids.model.network_choice import build

    torch.manual_seed(seed)
    arguments = {'inputs': inputs, 'outputs': outputs, 'width': width}
    network = build('DeepMIR2D', arguments).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.5)
            torch.nn.init.normal_(module.running_mean, std=0.5)
            torch.nn.init.uniform_(module.running_var, 0.01, 2)
        elif hasattr(module, 'bias') and module.bias is not None:
            torch.nn.init.normal_(module.bias, std=0.1)
    return network


@pytest.fixture
def deepmir2d():
    """Return a function that builds a small DeepMIR2D with random weights of every kind."""
    return random_deepmir2d


@pytest.fixture
def slices_folder(tmp_path, write_keras):
    """Return a function that imports a DeepMIR2D of some inputs and classes as a model."""
    from deepmir_bids.model.keras_import import import_keras

    def make(inputs, classes):
        outputs = 1 if len(classes) == 1 else 3
        write_keras(tmp_path / 'slices.h5', random_deepmir2d(len(inputs), outputs))
        import_keras(tmp_path / 'slices.h5', tmp_path / 'slices', inputs, classes)
        return tmp_path / 'slices'

    return make
