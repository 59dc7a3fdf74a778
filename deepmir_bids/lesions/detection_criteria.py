"""What counts as a lesion in one unit: decided once, and handed on from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from deepmir_bids import CLASSES
from deepmir_bids.model.chances import Chance

if TYPE_CHECKING:
    from deepmir_bids.model.model_registry import ModelCard
    from deepmir_bids.settings import Settings


@dataclass(frozen=True)
class DetectionCriteria:
    """From probabilities to lesions.

    Attributes
    ----------
    thresholds
        Class name → the probability that a lesion's peak must reach.
    outlines
        Class name → the probability that outlines a lesion; its threshold where that is lower.
    min_volume_mm3
        Smaller components are dropped; a single voxel is kept whatever its size if this is 0.
    operating_point
        Name of the model's thresholds that were asked for.
    chances
        Class name → what made the probabilities of a network's outputs, where anything did.

    """

    thresholds: dict[str, float]
    outlines: dict[str, float]
    min_volume_mm3: float
    operating_point: str = ''
    chances: Mapping[str, Chance] = field(default_factory=dict)

    @classmethod
    def resolve(
        cls, settings: Settings, card: ModelCard, inputs: Iterable[str]
    ) -> DetectionCriteria:
        """Criteria for a unit that has ``inputs``: the model's own, unless told otherwise."""
        own = cls.of_model(card, inputs, settings.operating_point)
        asked = {'CMB': settings.threshold_cmb, 'iron': settings.threshold_iron}
        given = {name: value for name, value in asked.items() if value is not None}
        volume = own.min_volume_mm3 if settings.min_volume is None else settings.min_volume
        return replace(own, thresholds=own.thresholds | given, min_volume_mm3=volume)

    @classmethod
    def of_model(cls, card: ModelCard, inputs: Iterable[str], point: str) -> DetectionCriteria:
        """Criteria of a model at one of its operating points, for a unit that has ``inputs``."""
        inputs = set(inputs)
        thresholds, outlines = card.thresholds_for(inputs, point), card.outlines_for(inputs)
        return cls(thresholds, outlines, card.min_volume_mm3, point, card.chances_for(inputs))

    @classmethod
    def from_sidecar(cls, sidecar: Mapping[str, Any]) -> DetectionCriteria:
        """Read the criteria that a run left in the sidecar of its lesions.

        Raises
        ------
        KeyError
            If the sidecar lacks one of them.

        """
        return cls(
            sidecar['Thresholds'],
            outlines_in(sidecar),
            sidecar['MinimumVolume'],
            sidecar.get('OperatingPoint', ''),
            {name: Chance(*pair) for name, pair in sidecar.get('Chances', {}).items()},
        )

    def for_sidecar(self) -> dict[str, Any]:
        """Say the criteria as a sidecar does."""
        return {
            'OperatingPoint': self.operating_point,
            'Thresholds': self.thresholds,
            'ExtentThreshold': self.outlines,
            'MinimumVolume': self.min_volume_mm3,
            'Chances': {name: list(pair) for name, pair in self.chances.items()},
        }


def outlines_in(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """Read the outline of each class from a sidecar; earlier results had one for all of them.

    Raises
    ------
    KeyError
        If the sidecar has none.

    """
    outlines = sidecar['ExtentThreshold']
    return outlines if isinstance(outlines, dict) else dict.fromkeys(CLASSES, outlines)
