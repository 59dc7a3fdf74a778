"""Which images of a unit could be used, and what follows from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from deepmir_bids.bids.output_files import INPUTS_OF_RESULTS
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError
from deepmir_bids.lesions.detection_criteria import DetectionCriteria

#: What a unit can do without, and may turn out to be of no use.
OPTIONAL = (*INPUTS_OF_RESULTS, 'brain_mask')


@dataclass(frozen=True)
class InputsUsed:
    """What follows from the images of a unit that are used.

    Attributes
    ----------
    unit
        The unit, with these images alone.
    criteria
        What counts as a lesion; None where the model cannot do with these images.
    facts
        What is known for the sidecars, by the names in
        :attr:`deepmir_bids.bids.output_row.Result.facts`.
    shown
        What the unit's page says of it.
    why_not
        Why the model cannot do with them.

    """

    unit: Unit
    criteria: DetectionCriteria | None = None
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ''


class _SettleInputSpec(BaseInterfaceInputSpec):
    cases = traits.Dict(
        traits.Str, mandatory=True, desc='cases by their inputs, swi+qsm and so on'
    )
    qsm = File(exists=True, desc='in ppm, if it could be used')
    t2w = File(exists=True, desc='in the world of the SWI, if it could be used')
    brain_mask = File(exists=True, desc='a given one, if it lies on the SWI')
    notes = traits.List(traits.Str, desc='why an image was left out')


class _SettleOutputSpec(TraitedSpec):
    unit = traits.Instance(Unit, desc='with the images that are used')
    criteria = traits.Instance(DetectionCriteria)
    facts = traits.Dict(desc='for the sidecars')
    shown = traits.Dict(desc='for the page')
    methods = traits.Str(desc='the same as a text')


class SettleInputs(SimpleInterface):
    """Choose what holds for the images that came through every check."""

    input_spec = _SettleInputSpec
    output_spec = _SettleOutputSpec

    def _run_interface(self, runtime):
        names = [name for name in OPTIONAL if isdefined(getattr(self.inputs, name))]
        case = self.inputs.cases['+'.join(['swi', *names])]
        if case.criteria is None:
            notes = self.inputs.notes if isdefined(self.inputs.notes) else []
            raise InputError(' '.join([case.why_not, *notes]))
        self._results['unit'] = case.unit
        self._results['criteria'] = case.criteria
        self._results['facts'] = dict(case.facts)
        self._results['shown'] = dict(case.shown)
        self._results['methods'] = case.facts['methods']['Description']
        return runtime
