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

    Returns
    -------
    Model
        With ``.card``, ``.network`` (a torch module) and ``.probabilities(x)``.

    Raises
    ------
    ModelError
        If there is no such model, or a file of it is missing, changed or does not fit its card.

    """
    from deepmir_bids.model.prediction import read_model

    return read_model(name_or_folder)
