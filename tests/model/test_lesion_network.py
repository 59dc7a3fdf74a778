"""What every network has to have."""

import pytest

from deepmir_bids.model.lesion_network import LesionNetwork


def test_a_network_without_layers_is_refused():
    with pytest.raises(TypeError, match='forward'):
        LesionNetwork()
