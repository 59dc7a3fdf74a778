"""Networks, the registry of weights, and prediction over a volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepmir_bids.model.model_registry import ModelError
from deepmir_bids.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from deepmir_bids.model.prediction import Model

__all__ = ['DEFAULT_MODEL', 'ModelError', 'load_model']


def load_model(name_or_folder: str | Path = DEFAULT_MODEL) -> Model:
    """Load a model by the name under which it is shipped, or from a folder.

    The weights are checked against the card's sha256 first; no pickle is ever read.

    Parameters
    ----------
    name_or_folder
        ``default``, or a folder that holds ``card.json`` and ``model.safetensors``.

    Returns
    -------
    Model
        With ``.card``, ``.network`` (a torch module) and ``.probabilities(x)``.

    Raises
    ------
    ModelError
        If there is no such model, or a file of it is missing, changed or does not fit its card.

    Examples
    --------
    A 3D model takes a batch of volumes (batch, input, X, Y, Z) on its own grid, prepared as the
    card says, and gives a probability for each class of lesion (batch, class, X, Y, Z):

    >>> import numpy as np
    >>> from deepmir_bids.model import load_model
    >>> model = load_model()
    >>> model.card.sees
    ('swi', 'qsm', 't2w')
    >>> model.card.classes
    ('CMB', 'iron')
    >>> model.card.spacing_mm
    (0.8, 0.8, 1.5)
    >>> probabilities = model.probabilities(np.zeros((1, 3, 32, 32, 16)))
    >>> probabilities.shape, probabilities.dtype
    ((1, 2, 32, 32, 16), dtype('float32'))

    An input that was not measured is NaN:

    >>> swi_alone = np.full((1, 3, 32, 32, 16), np.nan)
    >>> swi_alone[:, 0] = 0
    >>> model.probabilities(swi_alone).shape
    (1, 2, 32, 32, 16)

    A model that is not there is an error that says what to do:

    >>> load_model('my-model')
    Traceback (most recent call last):
    ...
    deepmir_bids.model.model_registry.ModelError: No model "my-model": give one of the shipped \
names (default) or a folder that holds card.json and model.safetensors.

    """
    from deepmir_bids.model.prediction import read_model

    return read_model(name_or_folder)
