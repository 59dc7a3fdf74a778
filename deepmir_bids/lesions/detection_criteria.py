"""What counts as a lesion in one unit: decided once, and handed on from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    extent
        Probability that outlines a lesion; a class's threshold is used where that is lower.
    min_volume_mm3
        Smaller components are dropped; a single voxel is kept whatever its size if this is 0.
    operating_point
        Name of the model's thresholds that were asked for.

    """

    thresholds: dict[str, float]
    extent: float
    min_volume_mm3: float
    operating_point: str = ''

    @classmethod
    def resolve(
        cls, settings: Settings, card: ModelCard, inputs: Iterable[str]
    ) -> DetectionCriteria:
        """Criteria for a unit that has ``inputs``: the model's own, unless told otherwise."""
        asked = {'CMB': settings.threshold_cmb, 'iron': settings.threshold_iron}
        thresholds = card.thresholds_for(inputs, settings.operating_point)
        thresholds |= {name: value for name, value in asked.items() if value is not None}
        volume = card.min_volume_mm3 if settings.min_volume is None else settings.min_volume
        return cls(thresholds, card.extent, volume, settings.operating_point)

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
            sidecar['ExtentThreshold'],
            sidecar['MinimumVolume'],
            sidecar.get('OperatingPoint', ''),
        )

    def for_sidecar(self) -> dict[str, Any]:
        """Say the criteria as a sidecar does."""
        return {
            'OperatingPoint': self.operating_point,
            'Thresholds': self.thresholds,
            'ExtentThreshold': self.extent,
            'MinimumVolume': self.min_volume_mm3,
        }
