"""A small model with random weights."""

from dataclasses import replace

import pytest


@pytest.fixture
def model_folder(tmp_path):
    import torch

    from deepmir_bids.model.networks import build
    from deepmir_bids.model.predict import Model
    from deepmir_bids.training.export import write_model
    from deepmir_bids.training.recipe import blank_card

    torch.manual_seed(0)
    network = {'name': 'UNet3D', 'arguments': {'features': [8, 16], 'fold': [2, 2, 1]}}
    card = replace(blank_card('small'), network=network)
    write_model(Model(card, build(**network)), tmp_path / 'small')
    return tmp_path / 'small'
