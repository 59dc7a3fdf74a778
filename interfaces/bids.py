"""Names and whole results: the app's own data sink, and the step that publishes a unit."""

from __future__ import annotations

from json import loads
from pathlib import Path

from bids.layout import Config
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    Directory,
    File,
    InputMultiObject,
    SimpleInterface,
    TraitedSpec,
    traits,
)
from niworkflows.interfaces.bids import DerivativesDataSink as _DerivativesDataSink

from deepmir_bids.bids.publish import publish
from deepmir_bids.data import load as load_data

_SPEC = loads(load_data('io_spec.json').read_text())
_ENTITIES = {
    **{
        name: entity.pattern
        for kind in ('bids', 'derivatives')
        for name, entity in Config.load(kind).entities.items()
    },
    **{entity['name']: entity['pattern'] for entity in _SPEC['entities']},
}
_ENTITY_LIST = [{'name': name, 'pattern': pattern} for name, pattern in _ENTITIES.items()]


class DerivativesDataSink(_DerivativesDataSink):
    """Name a file as BIDS-Derivatives, by deepmir's own patterns, in the node's folder."""

    out_path_base = ''
    _config_entities = frozenset(_ENTITIES)
    _config_entities_dict = _ENTITY_LIST
    _file_patterns = _SPEC['patterns']


class _PublishInputSpec(BaseInterfaceInputSpec):
    in_files = InputMultiObject(File(exists=True), mandatory=True, desc='all files of the unit')
    out_dir = Directory(mandatory=True, desc='root of the derivatives dataset')
    unit = traits.Str(mandatory=True, desc='label of the unit, such as sub-01_ses-02')
    datatypes = traits.List(traits.Str, mandatory=True, desc='folders that are replaced')


class _PublishOutputSpec(TraitedSpec):
    out_files = traits.List(File(exists=True), desc='the files in their place')


class Publish(SimpleInterface):
    """Bring a unit's files to the output dataset, all of one run and each one whole."""

    input_spec = _PublishInputSpec
    output_spec = _PublishOutputSpec
    _always_run = True

    def _run_interface(self, runtime):
        published = publish(
            [Path(path) for path in self.inputs.in_files],
            Path(self.inputs.out_dir),
            self.inputs.unit,
            self.inputs.datatypes,
        )
        self._results['out_files'] = [str(path) for path in published]
        return runtime
