"""The networks that a model card may name."""

from __future__ import annotations

from deepmir_bids.model.deepmir2d import DeepMIR2D
from deepmir_bids.model.lesion_network import LesionNetwork
from deepmir_bids.model.unet3d import UNet3D

#: Networks by the name that a card gives them.
NETWORKS: dict[str, type[LesionNetwork]] = {'UNet3D': UNet3D, 'DeepMIR2D': DeepMIR2D}


def build(name: str, arguments: dict) -> LesionNetwork:
    """Build a card's network, with random weights, in the memory order that is fast on a CPU.

    Raises
    ------
    KeyError
        If there is no network of that name.

    """
    network = NETWORKS[name](**arguments)
    return network.to(memory_format=network.memory_format)  # type: ignore[call-overload]
