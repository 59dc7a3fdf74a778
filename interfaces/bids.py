"""A unit's results, named and brought to their place."""

from __future__ import annotations

import shutil
from pathlib import Path

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    Directory,
    DynamicTraitedSpec,
    File,
    InputMultiObject,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)
from nipype.interfaces.io import add_traits

from deepmir_bids.bids.publishing import publish


class _PublishInputSpec(DynamicTraitedSpec, BaseInterfaceInputSpec):
    out_dir = Directory(mandatory=True, desc='root of the derivatives dataset')
    unit = traits.Str(mandatory=True, desc='label of the unit, such as sub-01_ses-02')
    source_file = File(mandatory=True, desc='the SWI, which the results are named after')
    datatypes = traits.List(traits.Str, mandatory=True, desc='folders that are replaced')
    figures = InputMultiObject(File(exists=True), desc='files that have their names already')
    page = File(exists=True)
    registration = traits.Dict(desc='goes into the sidecar of the brain mask')
    quality = traits.Dict(desc='goes there, too')
    chi_meta = traits.Dict(desc='goes into the sidecar of the QSM')
    notes = traits.List(traits.Str, desc='go into the sidecar of the lesions')


class _PublishOutputSpec(TraitedSpec):
    out_files = traits.List(File(exists=True), desc='the files in their place')


class Publish(SimpleInterface):
    """
    Name a unit's results and put them in place, all of one run and each one whole.

    It has an input for each of ``results`` (:class:`deepmir_bids.workflows.unit_outputs.Result`).
    """

    input_spec = _PublishInputSpec
    output_spec = _PublishOutputSpec
    _always_run = True

    def __init__(self, results=(), **inputs):
        super().__init__(**inputs)
        self._results_wanted = tuple(results)
        add_traits(self.inputs, [result.field for result in self._results_wanted])

    def _run_interface(self, runtime):
        staging = Path(runtime.cwd) / 'staging'
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        staged = self._named(staging) if self._results_wanted else []
        staged += self.inputs.figures if isdefined(self.inputs.figures) else []
        staged += [self.inputs.page] if isdefined(self.inputs.page) else []
        published = publish(
            [Path(path) for path in staged],
            Path(self.inputs.out_dir),
            self.inputs.unit,
            self.inputs.datatypes,
        )
        self._results['out_files'] = [str(path) for path in published]
        return runtime

    def _named(self, folder: Path) -> list[str]:
        from deepmir_bids.interfaces.derivatives_sink import name_files

        learned = {
            'brain_mask': {
                'Registration': self.inputs.registration,
                'Quality': self.inputs.quality,
            },
            'qsm': self.inputs.chi_meta,
            'lesions': {'Notes': self.inputs.notes if isdefined(self.inputs.notes) else []},
        }
        files = [
            (
                getattr(self.inputs, result.field),
                result.entities,
                {**result.sidecar, **learned.get(result.field, {})},
            )
            for result in self._results_wanted
        ]
        return name_files(files, self.inputs.source_file, folder)
