"""The card of a model before it is trained: network, working grid and intensities."""

from __future__ import annotations

from deepmir_bids import CLASSES
from deepmir_bids.model.registry import OPERATING_POINTS, ModelCard


def blank_card(name: str) -> ModelCard:
    """Card of an untrained model of deepmir's own design."""
    return ModelCard(
        name=name,
        description='Small residual 3D U-Net; one set of weights for every combination of inputs.',
        network={
            'name': 'UNet3D',
            'arguments': {'inputs': 3, 'classes': 2, 'features': [32, 64, 96], 'fold': [2, 2, 1]},
        },
        inputs={'swi': 'tissue-ratio', 'qsm': 'ppm', 't2w': 'robust-z'},
        spacing_mm=(0.8, 0.8, 1.5),
        margin_mm=8.0,
        thresholds={point: dict.fromkeys(CLASSES, 0.5) for point in OPERATING_POINTS},
        extent=0.3,
        min_volume_mm3=0.0,
        licence='Apache-2.0',
        intended_use='Research on simulated and research images; not for clinical use.',
        sha256='',
    )
