"""A network with its card, and its probabilities over a volume.

A brain at the default model's spacing is a box of some 4 million voxels, so it goes through a 3D
network whole: faster than a sliding window, and without seams. What would not fit into the memory
of a job, as with a lab's model of finer spacing, goes through in overlapping windows. A 2D network
takes whole axial slices.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from deepmir_bids import CLASSES
from deepmir_bids.errors import in_brief
from deepmir_bids.model.chances import as_chances, in_steps
from deepmir_bids.model.freed_memory import keep_freed_memory
from deepmir_bids.model.lesion_network import LesionNetwork
from deepmir_bids.model.model_registry import (
    CARD,
    WEIGHTS,
    ModelCard,
    ModelError,
    find_model,
    sha256,
    verify,
    write_card,
)
from deepmir_bids.model.network_choice import build
from deepmir_bids.model.network_input import PREPARATIONS, Prepared, prepare, restore
from deepmir_bids.model.single_threads import map_pieces, torch_threads

TensorOrArray = TypeVar('TensorOrArray', torch.Tensor, np.ndarray)

#: A larger volume goes through a 3D network in windows: three brains, about 2 GB.
VOXELS_WHOLE = 16_000_000
#: Size of a window in voxels, a multiple of every network's stride, and how much two share.
WINDOW = (160, 160, 96)
OVERLAP = 0.25


@dataclass(frozen=True)
class Model:
    """A network that is ready to be used, and its card."""

    card: ModelCard
    network: LesionNetwork

    def probabilities(self, x: TensorOrArray) -> TensorOrArray:
        """Probabilities (batch, output, *spatial) of ``x`` (batch, input, *spatial).

        ``x`` is a tensor or an array, prepared and normalised as the card says; the result is of
        the same kind, float32. Spatial are X, Y and Z of a 3D network, which takes NaN where an
        input was not measured, and the X and Y of an axial slice for a 2D one. The outputs are the
        card's classes, after the background where the network has a softmax.

        """
        array = x if isinstance(x, torch.Tensor) else np.ascontiguousarray(x)
        tensor = torch.as_tensor(array, dtype=torch.float32)
        device = next(self.network.parameters()).device
        with torch.inference_mode(), precision(device, exact=self.network.exact):
            logits = self.network(tensor.to(device)).float()
            with torch_threads(1):
                result = self.network.activate(logits)
        return result if isinstance(x, torch.Tensor) else result.cpu().numpy()


def read_model(name_or_folder: str | Path) -> Model:
    """Read a model; see :func:`deepmir_bids.model.load_model`."""
    folder = find_model(name_or_folder)
    card = verify(folder)
    if card.preparation not in PREPARATIONS:
        raise ModelError(
            f'{folder / CARD} wants its inputs prepared as "{card.preparation}", which is unknown '
            'here: update deepmir.'
        )
    try:
        network = _network(card, folder / WEIGHTS)
    except Exception as error:
        # torch and safetensors answer what does not fit with almost any error.
        raise ModelError(
            f'{folder / WEIGHTS} does not fit the network in its card ({in_brief(error)}): '
            'get the model again, or update deepmir.'
        ) from None
    return Model(card, network.eval())


def _network(card: ModelCard, path: Path) -> LesionNetwork:
    """Network of a card with its weights; memory is taken for it only if these are its own."""
    from safetensors import safe_open
    from safetensors.torch import load_file

    name, arguments = card.network['name'], card.network['arguments']
    with torch.device('meta'):
        wanted = {key: list(v.shape) for key, v in build(name, arguments).state_dict().items()}
    with safe_open(path, 'pt') as file:
        there = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    if differing := sorted(key for key in wanted | there if wanted.get(key) != there.get(key)):
        key = differing[0]
        raise ValueError(f'{key} is {there.get(key)}, and not {wanted.get(key)}')
    network = build(name, arguments)
    weights = {key: value.float() for key, value in load_file(path).items()}
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise ValueError('it has NaN or infinite weights')
    network.load_state_dict(weights)
    return network


def save_model(model: Model, folder: Path) -> ModelCard:
    """Write a model's folder, the weights in the precision that the network has.

    Returns
    -------
    ModelCard
        With the sha256 of the weights.

    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: v.cpu().contiguous() for key, v in model.network.state_dict().items()}
    # Not save_file(): it lets nobody else read the file.
    (folder / WEIGHTS).write_bytes(save(weights))
    card = replace(model.card, sha256=sha256(folder / WEIGHTS))
    write_card(card, folder)
    return card


def probabilities_on_swi(
    model: Model,
    swi: np.ndarray,
    qsm: np.ndarray | None,
    t2w: np.ndarray | None,
    brain_mask: np.ndarray,
    affine: np.ndarray,
    device: str = 'cpu',
    threads: int | None = None,
    *,
    mirror: bool = True,
) -> np.ndarray:
    """Probabilities (class, X, Y, Z) of a unit's images, on the grid of its SWI.

    The arguments, and the errors raised, are those of
    :func:`deepmir_bids.model.network_input.prepare` and of :func:`predict`.
    """
    prepared = prepare(swi, qsm, t2w, brain_mask, affine, model.card)
    return probabilities_of(model, prepared, device, threads, mirror=mirror)


def probabilities_of(
    model: Model,
    prepared: Prepared,
    device: str = 'cpu',
    threads: int | None = None,
    *,
    mirror: bool = True,
) -> np.ndarray:
    """Probabilities (class, X, Y, Z) of prepared images, on the grid of their SWI.

    They are in steps, as they are stored (:func:`deepmir_bids.model.chances.in_steps`).
    """
    outputs = restore(predict(model, prepared.x, device, threads, mirror=mirror), prepared.grid)
    return in_steps(meant(model, prepared.x, outputs))


def predict(
    model: Model,
    x: np.ndarray,
    device: str = 'cpu',
    threads: int | None = None,
    *,
    mirror: bool = True,
) -> np.ndarray:
    """Outputs (class, X, Y, Z) for one prepared volume ``x`` (input, X, Y, Z): see also `meant`.

    The classes are those of :data:`deepmir_bids.CLASSES`, 0 throughout for one that the model does
    not know. The same input and device give the same result, on any number of threads.

    Parameters
    ----------
    model
        3D, or 2D for axial slices.
    x
        Float32 array (input, X, Y, Z), from :func:`deepmir_bids.model.network_input.prepare`.
    device
        As torch names it.
    threads
        CPU threads to use; by default torch's own choice.
    mirror
        Of a 3D network: take the mean over the volume and its mirror image, for a head has no
        preferred side. Without it, the volume alone: in half the time, for training's own use and
        for tests.

    """
    model.network.to(device)
    with keep_freed_memory(), torch_threads(threads):
        if model.network.spatial_dims == 2:
            probabilities = _slice_by_slice(model, x, device)
        else:
            probabilities = _volume(model, x)
            if mirror:
                probabilities = (probabilities + _volume(model, x[:, ::-1])[:, ::-1]) / 2
    result = np.zeros((len(CLASSES), *x.shape[1:]), dtype=np.float32)
    result[[list(CLASSES).index(name) for name in model.card.classes]] = probabilities
    return result


def meant(model: Model, x: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Make probabilities of outputs, on whatever grid, as the card says for the inputs of ``x``.

    That is done last: between voxels, outputs are what can be interpolated. An input that is NaN
    throughout is none.
    """
    names = zip(model.card.inputs, x, strict=True)
    given = [name for name, part in names if _is_measured(part)]
    return as_chances(outputs, model.card.chances_for(given))


def _is_measured(part: np.ndarray) -> bool:
    """Whether an input has any number; most have one in the middle, and are not searched."""
    middle = tuple(size // 2 for size in part.shape)
    return bool(np.isfinite(part[middle]) or np.isfinite(part).any())


def _volume(model: Model, x: np.ndarray) -> np.ndarray:
    """Probabilities of a volume, whole or in overlapping windows."""
    if x[0].size <= VOXELS_WHOLE:
        return _lesions(model, x[None])[0]
    from monai.inferers import sliding_window_inference

    return sliding_window_inference(
        torch.from_numpy(np.ascontiguousarray(x[None])),
        WINDOW,
        sw_batch_size=1,
        predictor=lambda part: torch.from_numpy(_lesions(model, part.numpy())),
        overlap=OVERLAP,
        mode='gaussian',
        cval=float('nan'),
    )[0].numpy()


def _slice_by_slice(model: Model, x: np.ndarray, device: str) -> np.ndarray:
    """Probabilities of each axial slice by itself; 0 in the slices that are left out (NaN)."""
    probabilities = np.zeros((len(model.card.classes), *x.shape[1:]), dtype=np.float32)

    def fill(k: int) -> None:
        probabilities[..., k] = _lesions(model, x[None, ..., k])[0]

    # Threads would not make a GPU faster.
    spread = map_pieces if device == 'cpu' else map
    list(spread(fill, np.flatnonzero(np.isfinite(x).all(axis=(0, 1, 2)))))
    return probabilities


def _lesions(model: Model, x: np.ndarray) -> np.ndarray:
    """Probabilities (batch, class, *spatial) of the model's lesion classes."""
    return model.network.lesions(torch.from_numpy(model.probabilities(x))).numpy()


def fast_precision(device: torch.device | str) -> torch.autocast:
    """Autocast to bfloat16 where the machine multiplies it by itself, else do nothing.

    On a CPU with AMX the default network is 2.4 times faster than in float32, and with AVX-512's
    bfloat16 it learns twice as fast; without either it would be slower.

    """
    kind = torch.device(device).type
    if kind == 'cpu':
        pays = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    else:
        pays = kind == 'cuda' and torch.cuda.is_bf16_supported()
    return torch.autocast(kind, torch.bfloat16, enabled=pays)


@contextmanager
def precision(device: torch.device | str, *, exact: bool):
    """Float32 throughout, also in a GPU's convolutions, or whatever is fast."""
    if not exact:
        with fast_precision(device):
            yield
    elif torch.device(device).type == 'cuda':
        # What is not named is switched off: without `enabled`, cuDNN itself.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    else:
        yield


def find_device(asked: str) -> str:
    """Return the device to run on, as torch names it: ``'auto'`` is a GPU where there is one."""
    if asked != 'auto':
        return asked
    return 'cuda' if torch.cuda.is_available() else 'cpu'
