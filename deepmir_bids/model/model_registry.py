"""Which models exist, what their cards say, and whether their files are whole.

Imports without torch, so that commands which only list or check models answer at once.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from deepmir_bids import CLASSES, INPUTS, data
from deepmir_bids.bids.schema import fault
from deepmir_bids.bids.text_files import read_json
from deepmir_bids.errors import UsageError, in_brief
from deepmir_bids.model.card_fields import FIELDS
from deepmir_bids.model.chances import Chance

CARD = 'card.json'
WEIGHTS = 'model.safetensors'
OPERATING_POINTS = ('sensitive', 'balanced', 'precise')
#: The normalisation of an input that a model's network has a channel for, but never sees.
UNUSED = 'unused'

AGAIN = 'get the model again'


class ModelError(UsageError):
    """A model that cannot be used; the message names the file and the cure."""


@dataclass(frozen=True)
class ModelCard:
    """What has to be known to use a model, and what should be known to trust it.

    Attributes
    ----------
    name, description
        What it is called, and what it is.
    network
        ``name`` and ``arguments`` of an entry of
        :data:`deepmir_bids.model.network_choice.NETWORKS`.
    preparation
        How images become the network's input: a key of
        :data:`deepmir_bids.model.network_input.PREPARATIONS`.
    inputs
        Input name → its normalisation, a key of
        :data:`deepmir_bids.imaging.intensity_normalisation.NORMALISATIONS`, in the order of the
        channels.
    needs
        Inputs that must be there; any other may be missing.
    spacing_mm
        Voxel size of the working grid, in canonical (RAS) axis order; empty for the SWI's own.
    margin_mm
        How far the working grid reaches beyond the brain mask.
    classes
        Lesion classes that the network knows, in its order.
    thresholds
        Inputs (``swi+qsm`` and so on) → operating point → class → the probability that a lesion's
        peak must reach. Empty as long as none were chosen: then it is one half.
    chances
        Inputs → class → how the network's output becomes a probability that means something
        (`Chance`). What is not there stays as it is.
    extent
        Output of the network that outlines a lesion once its peak counts.
    min_volume_mm3
        Smaller lesions are dropped.
    training, figures
        What it was trained on, and how it did on data that it had not seen.
    licence, intended_use
        What may, and what should, be done with it.
    sha256
        Of ``model.safetensors``.

    """

    name: str
    description: str
    network: dict[str, Any]
    inputs: dict[str, str]
    extent: float
    min_volume_mm3: float
    licence: str
    intended_use: str
    sha256: str
    preparation: str = 'working-grid'
    needs: tuple[str, ...] = ('swi',)
    spacing_mm: tuple[float, ...] = ()
    margin_mm: float = 0.0
    thresholds: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    chances: dict[str, dict[str, Chance]] = field(default_factory=dict)
    classes: tuple[str, ...] = tuple(CLASSES)
    training: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def sees(self) -> tuple[str, ...]:
        """Names of the inputs that the model makes use of."""
        return tuple(name for name in INPUTS if self.inputs.get(name, UNUSED) != UNUSED)

    @property
    def combinations(self) -> list[tuple[str, ...]]:
        """What a unit may bring along of the inputs that the model makes use of."""
        optional = [name for name in self.sees if name not in self.needs]
        return [
            tuple(name for name in self.sees if name in (*self.needs, *kept))
            for n in range(len(optional) + 1)
            for kept in itertools.combinations(optional, n)
        ]

    def thresholds_for(self, inputs: Iterable[str], point: str) -> dict[str, float]:
        """Threshold of each class at an operating point, for a unit that has ``inputs``."""
        if not self.thresholds:
            return dict.fromkeys(CLASSES, 0.5)
        return dict(self.thresholds[self._key(inputs)][point])

    def chances_for(self, inputs: Iterable[str]) -> dict[str, Chance]:
        """How outputs become probabilities, by class, for a unit that has ``inputs``."""
        return self.chances.get(self._key(inputs), {})

    def outlines_for(self, inputs: Iterable[str]) -> dict[str, float]:
        """Probability that outlines a lesion of each class, for a unit that has ``inputs``."""
        outlines = dict.fromkeys(CLASSES, self.extent)
        for name, chance in self.chances_for(inputs).items():
            outlines[name] = round(float(chance.of(self.extent)), 4)
        return outlines

    def _key(self, inputs: Iterable[str]) -> str:
        given = set(inputs)
        return '+'.join(name for name in self.sees if name in given)

    @property
    def fingerprint(self) -> str:
        """Changes with all that changes a probability: the weights, and how they are used."""
        used = (
            'network', 'preparation', 'inputs', 'spacing_mm', 'margin_mm', 'classes', 'chances',
            'sha256',
        )  # fmt: skip
        content = json.dumps([getattr(self, name) for name in used])
        return hashlib.sha256(content.encode()).hexdigest()

    def check_inputs(self, available: Iterable[str]) -> None:
        """Refuse a unit that lacks an image the model cannot do without.

        Raises
        ------
        ModelError
            If one of ``available`` is missing.

        """
        available = set(available)
        missing = [name for name in self.needs if name not in available]
        if missing:
            raise ModelError(
                f'The model "{self.name}" needs {", ".join(self.needs)}, and there is no '
                f'{" and no ".join(missing)}: choose another model with --model.'
            )


def list_models() -> list[str]:
    """Names of the models that are shipped with the package."""
    folder = data.load('models')
    return sorted(card.parent.name for card in folder.glob(f'*/{CARD}'))


def find_model(name_or_folder: str | Path) -> Path:
    """Folder of a model, given its name or any folder that holds a card.

    Raises
    ------
    ModelError
        If there is no such model.

    """
    for folder in (data.load('models', str(name_or_folder)), Path(name_or_folder)):
        if os.path.isfile(folder / CARD):
            return folder
    known = ', '.join(list_models()) or 'none'
    raise ModelError(
        f'No model "{name_or_folder}": give one of the shipped names ({known}) '
        f'or a folder that holds {CARD} and {WEIGHTS}.'
    )


def read_card(folder: Path) -> ModelCard:
    """Read and check the card in a model's folder.

    Raises
    ------
    ModelError
        If the card is missing, is not JSON, or lacks something.

    """
    path = Path(folder) / CARD
    content = read_json(path, f'it is not a model card: {AGAIN}', ModelError)
    if wrong := fault(content, FIELDS):
        raise ModelError(f'{path} is not a model card ({wrong}): {AGAIN}.')
    try:
        card = _typed(ModelCard(**content))
        for given, point in itertools.product(card.combinations, OPERATING_POINTS):
            _ = [card.thresholds_for(given, point)[name] for name in CLASSES]
        arguments = card.network['arguments']
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f'{path} is not a model card ({in_brief(error)}): {AGAIN}.') from None
    inputs, classes = set(card.inputs), set(card.classes)
    suited = {'swi', *card.needs} <= inputs <= set(INPUTS) and set() < classes <= set(CLASSES)
    twice = len(classes) < len(card.classes)
    if not suited or twice or arguments.get('inputs', len(inputs)) != len(inputs):
        raise ModelError(
            f'{path} has an input or a class that deepmir does not know, or lacks an input that '
            f'the model needs: {AGAIN}.'
        )
    return card


def write_card(card: ModelCard, folder: Path) -> None:
    """Write ``card`` into a model's folder."""
    content = json.dumps(asdict(card), indent=2) + '\n'
    (Path(folder) / CARD).write_text(content, encoding='utf-8')


def verify(folder: Path) -> ModelCard:
    """Check that a model's weights are the ones that its card describes; return the card.

    Raises
    ------
    ModelError
        If a file is missing or differs from the card's sha256.

    """
    card = read_card(folder)
    path = Path(folder) / WEIGHTS
    if not os.path.isfile(path):
        raise ModelError(f'{path} is missing: get the model again.')
    if sha256(path) != card.sha256:
        raise ModelError(
            f'{path} is damaged or was changed (its sha256 is not the one in {CARD}): '
            'get the model again.'
        )
    return card


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits; a ModelError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open('rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ModelError(f'{path} cannot be read ({in_brief(error)}): {AGAIN}.') from error
    return digest.hexdigest()


def _typed(card: ModelCard) -> ModelCard:
    """Tuples where JSON has lists."""
    spacing_mm = tuple(float(v) for v in card.spacing_mm)
    if len(spacing_mm) != (3 if card.preparation == 'working-grid' else 0):
        raise ValueError(f'spacing_mm {card.spacing_mm} does not suit {card.preparation}')
    return replace(
        card,
        spacing_mm=spacing_mm,
        needs=tuple(card.needs),
        classes=tuple(card.classes),
        chances={
            inputs: {name: Chance(*map(float, pair)) for name, pair in by_class.items()}
            for inputs, by_class in card.chances.items()
        },
    )
