"""Weights of the DEEPMIR authors' Keras network, read from HDF5 without TensorFlow.

The file is one of ``model.save`` (with the weights in the group ``model_weights``) or of
``model.save_weights`` (with them at the root), as TensorFlow 1.15 and Keras 2 write them. Layers
come in the order of the attribute ``layer_names``, the tensors of each in the order of its
``weight_names``; neither the alphabet nor the numbers in the names have anything to say.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from deepmir_bids import CLASSES, INPUTS
from deepmir_bids.model.lesion_network import LesionNetwork
from deepmir_bids.model.model_registry import ModelCard, ModelError, sha256
from deepmir_bids.model.network_choice import build
from deepmir_bids.model.prediction import Model, save_model

#: Entries of a module's state, in the order in which Keras keeps them.
STATE: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv2d: ('weight', 'bias'),
    nn.ConvTranspose2d: ('weight', 'bias'),
    nn.BatchNorm2d: ('weight', 'bias', 'running_mean', 'running_var'),
}
#: Groups of a file of Keras 3, which keeps no order of layers.
VERSION_3 = {'layers', 'vars', '_layer_checkpoint_dependencies'}


class Layer(NamedTuple):
    """A Keras layer that has weights, these in Keras' axis order."""

    name: str
    tensors: list[np.ndarray]


def import_keras(
    path: Path, folder: Path, inputs: Sequence[str] = (), classes: Sequence[str] = ()
) -> ModelCard:
    """Make a model's folder of a Keras file with the weights of the authors' network.

    Parameters
    ----------
    path
        HDF5, a saved model or its weights; any number of channels and outputs, any base width.
    folder
        Where the model goes.
    inputs
        Names of the channels, in order; one channel is the SWI, three are all, if not named.
    classes
        Names of the lesion classes, in order; CMB and iron if not named and there are two.

    Returns
    -------
    ModelCard
        Of the model that was written.

    Raises
    ------
    ModelError
        If the file cannot be read or holds another network, or the names do not fit it.

    """
    layers = read_layers(path)
    network, arguments = load_layers(layers, path)
    # A softmax has an output for the background.
    lesions = max(1, arguments['outputs'] - 1)
    names = _names(inputs, {1: ('swi',), 3: INPUTS}, arguments['inputs'], '--inputs', path)
    if 'swi' not in names:
        raise ModelError(f'{path} is to have an SWI among its inputs: name it with --inputs.')
    card = ModelCard(
        name=folder.resolve().name,
        description='The 2D U-Net of Rashid et al. 2021, with weights imported from Keras.',
        network={'name': 'DeepMIR2D', 'arguments': arguments},
        preparation='padded-slices',
        inputs=dict.fromkeys(names, 'bytes-z'),
        needs=names,
        classes=_names(classes, {2: tuple(CLASSES)}, lesions, '--classes', path),
        # As published: 0.5 for one class; for several it stands for the argmax (DeepMIR2D). So do
        # the thresholds that a card has when none were chosen.
        extent=0.5,
        min_volume_mm3=0.0,
        licence='not known: ask whoever trained the weights',
        intended_use='Research; not for clinical use.',
        sha256='',
        training={'data': 'not known', 'imported_from': path.name, 'file_sha256': sha256(path)},
    )
    try:
        return save_model(Model(card, network), folder)
    except OSError as error:
        raise ModelError(f'{folder} cannot be written ({error}): choose another folder.') from None


def read_layers(path: Path) -> list[Layer]:
    """Read the layers that have weights, in the network's order.

    Raises
    ------
    ModelError
        If this is no whole HDF5 file in the layout of Keras 2.

    """
    import h5py

    if not path.is_file():
        raise ModelError(f'{path} is not a file: give an HDF5 file of Keras.')
    try:
        with h5py.File(path, 'r') as file:
            group = file.get('model_weights', file)
            if 'layer_names' in group.attrs:
                return [layer for layer in _walk(group, path) if layer.tensors]
            newer = bool(VERSION_3 & set(group))
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        newer = zipfile.is_zipfile(path)
        if not newer:
            reason = str(error).partition('\n')[0]
            raise ModelError(
                f'{path} is not a whole HDF5 file of Keras ({reason}): get it again.'
            ) from None
    if newer:
        raise ModelError(
            f'{path} has the layout of Keras 3, which keeps no order of layers: '
            'save it again with model.save("….h5") in Keras 2.'
        )
    raise ModelError(
        f"{path} names no layers: give a file of Keras' model.save or model.save_weights."
    )


def _walk(group, path: Path) -> Iterator[Layer]:
    for name in _texts(group.attrs['layer_names']):
        if name not in group:
            raise ModelError(f'{path} lacks its layer "{name}": get it again.')
        layer = group[name]
        wanted = _texts(layer.attrs.get('weight_names', ()))
        missing = [weight for weight in wanted if weight not in layer]
        if missing:
            raise ModelError(f'{path} lacks the weights "{missing[0]}": get it again.')
        yield Layer(name, [np.asarray(layer[w], dtype=np.float32) for w in wanted])


def load_layers(layers: Sequence[Layer], path: Path) -> tuple[LesionNetwork, dict[str, int]]:
    """Build the network that fits the layers, with their weights, and tell its arguments.

    Raises
    ------
    ModelError
        If the layers are not those of the authors' network; ``path`` is named in the message.

    """
    kernels = [layer.tensors[0].shape for layer in (*layers[:1], *layers[-1:])]
    if [len(shape) for shape in kernels] != [4, 4]:
        raise ModelError(f'{path} does not begin and end with convolutions: another network.')
    arguments = {'inputs': kernels[0][2], 'outputs': kernels[1][3], 'width': kernels[0][3]}
    network = build('DeepMIR2D', arguments)
    parts = [module for module in network.modules() if isinstance(module, tuple(STATE))]
    if len(layers) != len(parts):
        raise ModelError(
            f'{path} has {len(layers)} layers with weights and not {len(parts)}: '
            "one is missing, or it is another network than the DEEPMIR authors'."
        )
    for part, layer in zip(parts, layers, strict=True):
        names = STATE[type(part)]
        state = part.state_dict()
        wanted = [_keras_shape(state[name]) for name in names]
        shapes = [tensor.shape for tensor in layer.tensors]
        if shapes != wanted:
            raise ModelError(
                f'{path} has weights of {_say(shapes)} in layer "{layer.name}" where the network '
                f'of the DEEPMIR authors has {_say(wanted)}: it is another network.'
            )
        if not all(np.isfinite(tensor).all() for tensor in layer.tensors):
            raise ModelError(f'{path} has NaN or infinite weights in layer "{layer.name}".')
        state |= {name: _to_torch(t) for name, t in zip(names, layer.tensors, strict=True)}
        part.load_state_dict(state)
    return network, arguments


def _to_torch(tensor: np.ndarray) -> torch.Tensor:
    # (H, W, in, out) to (out, in, H, W); for transposed convolutions both swap in and out.
    return torch.from_numpy(tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor)


def _keras_shape(tensor: torch.Tensor) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape


def _say(shapes: Iterable[tuple[int, ...]]) -> str:
    return ', '.join('×'.join(map(str, shape)) for shape in shapes)


def _texts(names) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _names(given, usual, count: int, option: str, path: Path) -> tuple[str, ...]:
    """Names of the inputs or classes, as given or as usual for that many."""
    names = tuple(given) or usual.get(count, ())
    if len(names) != count or len(set(names)) != count:
        raise ModelError(
            f'{path} has {count} of what {option} names, not {len(names)}: '
            f'name each once, in the order that the network was trained with.'
        )
    return names
