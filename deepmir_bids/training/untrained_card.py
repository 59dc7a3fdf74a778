"""What is trained: network, working grid, intensities, inputs, classes, and for how long."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from deepmir_bids import CLASSES
from deepmir_bids.model.model_registry import UNUSED, ModelCard
from deepmir_bids.training.training_plan import Plan

#: Patches that a GPU learns from at once: with fewer it would wait for the processor.
GPU_BATCH = 64


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
        extent=0.5,
        min_volume_mm3=0.0,
        licence='Apache-2.0',
        intended_use='Research on simulated and research images; not for clinical use.',
        sha256='',
    )


def baseline_card(name: str, inputs: tuple[str, ...]) -> ModelCard:
    """Card of an untrained model of the DEEPMIR authors' design, which needs all its inputs."""
    return replace(
        blank_card(name),
        description='The 2D U-Net of Rashid et al. 2021, as a baseline.',
        network={
            'name': 'DeepMIR2D',
            'arguments': {'inputs': len(inputs), 'outputs': 1 + len(CLASSES), 'width': 32},
        },
        preparation='padded-slices',
        inputs=dict.fromkeys(inputs, 'bytes-z'),
        needs=inputs,
        spacing_mm=(),
        margin_mm=0.0,
    )


def sloppy_card(name: str) -> ModelCard:
    """Card of a model that is trained in seconds, on coarse images, and finds little."""
    card = blank_card(name)
    network = {**card.network, 'arguments': {**card.network['arguments'], 'features': [8, 16]}}
    return replace(card, network=network, spacing_mm=(1.6, 1.6, 2.4))


def make_plan(
    steps: int | None, seed: int, *, sloppy: bool, fine_tuning: bool, device: str = 'cpu'
) -> Plan:
    """Plan of a training for ``steps``, or for as many as are usual, on a device."""
    if sloppy:
        return Plan(
            steps=steps or 40, batch=2, rate=8e-3, averaging=0.95, warmup_steps=10, validations=2,
            look_every=10, mine_every=20, save_every=10, seed=seed,
        )  # fmt: skip
    # Weights that are good already are changed slowly.
    rate = 5e-4 if fine_tuning else Plan.rate
    batch = GPU_BATCH if device.startswith('cuda') else Plan.batch
    return Plan(steps=steps or 4000, seed=seed, rate=rate, batch=batch, validations=8)


def restrict(card: ModelCard, inputs: Collection[str], classes: Collection[str]) -> ModelCard:
    """Card of a model that sees no other inputs, and learns that there are no other classes.

    The network keeps its channels, so that it can still start from any other model's weights; an
    input that is left out is never measured, in training and ever after.

    """
    return replace(
        card,
        inputs={name: how if name in inputs else UNUSED for name, how in card.inputs.items()},
        training={**card.training, 'classes': [name for name in CLASSES if name in classes]},
    )


def known_classes(card: ModelCard) -> tuple[str, ...]:
    """Names of the classes that a model was trained to find."""
    return tuple(card.training.get('classes', card.classes))
