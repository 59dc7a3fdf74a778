"""From a trained network to a model's folder: weights, card and curves."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.prediction import Model, save_model


def write_model(model: Model, folder: Path) -> ModelCard:
    """Write a model's folder; the weights in half precision, which changes no result visibly.

    Returns
    -------
    ModelCard
        With the sha256 of the weights.

    """
    return save_model(replace(model, network=deepcopy(model.network).half()), folder)


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Draw the loss and the validation figures over the steps of a training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    steps = [entry['step'] for entry in history]
    left.plot(steps, [entry['loss'] for entry in history], marker='.')
    left.set(xlabel='step', ylabel='training loss')
    for name in sorted({key for entry in history for key in entry if key.endswith('F1')}):
        right.plot(steps, [entry.get(name) for entry in history], marker='.', label=name)
    right.set(xlabel='step', ylabel='F1 on validation, at 0.5', ylim=(0, 1.02))
    if history:
        right.legend()
    figure.savefig(path, dpi=100)
