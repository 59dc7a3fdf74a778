"""A network with its card, and its probabilities over a volume.

A brain at the working spacing is a box of known size (about 4 million voxels), so it goes through
the network whole: faster than a sliding window, and without seams.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from deepmir_bids.model import networks
from deepmir_bids.model.registry import WEIGHTS, ModelCard, ModelError, find_model, verify


@dataclass(frozen=True)
class Model:
    """A network that is ready to be used, and its card."""

    card: ModelCard
    network: torch.nn.Module

    def probabilities(self, x):
        """Probabilities (batch, class, X, Y, Z) of ``x`` (batch, input, X, Y, Z).

        ``x`` is a tensor or an array, NaN where an input was not measured; the result is of the
        same kind. The classes are in the order of :data:`deepmir_bids.CLASSES`, independent of one
        another.

        """
        array = x if isinstance(x, torch.Tensor) else np.ascontiguousarray(x)
        tensor = torch.as_tensor(array, dtype=torch.float32)
        device = next(self.network.parameters()).device
        with torch.inference_mode(), fast_precision(device):
            result = torch.sigmoid(self.network(tensor.to(device)).float())
        return result if isinstance(x, torch.Tensor) else result.cpu().numpy()


def read_model(name_or_folder: str | Path) -> Model:
    """Read a model; see :func:`deepmir_bids.model.load_model`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = find_model(name_or_folder)
    card = verify(folder)
    try:
        network = networks.build(card.network['name'], card.network['arguments'])
        weights = {key: value.float() for key, value in load_file(folder / WEIGHTS).items()}
        network.load_state_dict(weights)
    except (KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f'{folder / WEIGHTS} does not fit the network in its card ({reason}): '
            'get the model again, or update deepmir.'
        ) from None
    return Model(card, network.eval())


def predict(
    model: Model,
    x: np.ndarray,
    device: str = 'cpu',
    threads: int | None = None,
    *,
    mirror: bool = True,
) -> np.ndarray:
    """Probabilities (class, X, Y, Z) of one prepared volume ``x`` (input, X, Y, Z).

    Every voxel's result is the mean over the volume and its mirror image: a head has no preferred
    side. The same input, device and number of threads give the same result.

    Parameters
    ----------
    model : Model
    x : array (input, X, Y, Z)
        From :func:`deepmir_bids.model.inputs.prepare`.
    device : str
        As torch names it.
    threads : int, optional
        CPU threads to use; by default torch's own choice.
    mirror : bool
        Without it, the volume alone: in half the time, for training's own use.

    """
    model.network.to(device)
    with _threads(threads):
        straight = model.probabilities(x[None])[0]
        if not mirror:
            return straight
        mirrored = model.probabilities(x[None, :, ::-1])[0]
    return (straight + mirrored[:, ::-1]) / 2


def fast_precision(device: torch.device | str) -> torch.autocast:
    """Autocast to bfloat16 where the machine has matrix units for it, else do nothing.

    On a CPU with AMX the default network is 2.4 times faster than in float32; without AMX it
    would be slower.

    """
    kind = torch.device(device).type
    if kind == 'cpu':
        pays = torch.cpu._is_amx_tile_supported()
    else:
        pays = kind == 'cuda' and torch.cuda.is_bf16_supported()
    return torch.autocast(kind, torch.bfloat16, enabled=pays)


def find_device(asked: str) -> str:
    """Return the device to run on, as torch names it: ``'auto'`` is a GPU where there is one."""
    if asked != 'auto':
        return asked
    return 'cuda' if torch.cuda.is_available() else 'cpu'


@contextmanager
def _threads(count: int | None):
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
