"""A unit's results, described, named and brought to their place."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    Directory,
    File,
    InputMultiObject,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from deepmir_bids.bids.output_files import DATATYPES, MAPS, MAY_LACK, RESULTS, results_of
from deepmir_bids.bids.publishing import publish
from deepmir_bids.bids.sidecars import complete_sidecars
from deepmir_bids.bids.unit_of_work import Unit, unit_folder

#: Path, entities and sidecar.
_Result = tuple[str, Mapping[str, str], Mapping[str, Any]]


class _DescribeResultsInputSpec(BaseInterfaceInputSpec):
    unit = traits.Instance(Unit, mandatory=True)
    facts = traits.Dict(mandatory=True, desc='known of the images that are used')
    registration = traits.Dict(mandatory=True, desc='how well the head fits the template')
    quality = traits.Dict(mandatory=True, desc='how good the images are')
    alignment = traits.Float(desc='mutual information of T2w and SWI')
    flags = traits.List(traits.Str, desc='what was wrong with the images, in a word each')
    reconstruction = traits.Dict(desc='how images were made from magnitude and phase')
    chi_conversion = traits.Dict(desc='what was done to the QSM')
    notes = traits.List(traits.Str, mandatory=True, desc='what was chosen, mended or converted')


class _DescribeResultsOutputSpec(TraitedSpec):
    sidecars = traits.Dict(traits.Str, traits.Dict, desc='content of each, by result')


class DescribeResults(SimpleInterface):
    """Complete the sidecars of all results, from what was known and what was learnt."""

    input_spec = _DescribeResultsInputSpec
    output_spec = _DescribeResultsOutputSpec

    def _run_interface(self, runtime):
        inputs = self.inputs
        learnt = {
            'registration': {'Registration': inputs.registration},
            'quality': {
                'Quality': {
                    **inputs.quality,
                    'Flags': sorted(inputs.flags) if isdefined(inputs.flags) else [],
                }
            },
            'alignment': {'AlignmentMutualInformation': round(inputs.alignment, 4)}
            if isdefined(inputs.alignment)
            else {},
            'conversion': inputs.chi_conversion if isdefined(inputs.chi_conversion) else {},
            'reconstruction': inputs.reconstruction if isdefined(inputs.reconstruction) else {},
            'notes': {'Notes': inputs.notes},
        }
        self._results['sidecars'] = complete_sidecars(
            results_of(inputs.unit.owed), {**inputs.facts, **learnt}
        )
        return runtime


class _PublishPageInputSpec(BaseInterfaceInputSpec):
    out_dir = Directory(mandatory=True, desc='root of the derivatives dataset')
    unit = traits.Str(mandatory=True, desc='label of the unit, such as sub-01_ses-02')
    figures = InputMultiObject(
        File(exists=True), mandatory=True, desc='pictures that have their names already'
    )
    page = File(exists=True, mandatory=True)


class _PublishOutputSpec(TraitedSpec):
    out_files = traits.List(File(exists=True), desc='the files in their place')


class PublishPage(SimpleInterface):
    """Put a unit's page and its pictures in place of earlier ones."""

    input_spec = _PublishPageInputSpec
    output_spec = _PublishOutputSpec
    _always_run = True

    def _run_interface(self, runtime):
        self._results['out_files'] = _publish(self.inputs, [], ['figures'])
        return runtime


class _PublishInputSpec(_PublishPageInputSpec):
    run = traits.Str(mandatory=True, desc='name of the run, as its log has it')
    source_file = File(mandatory=True, desc='the SWI, which the results are named after')
    template = traits.Str(mandatory=True)
    atlas = traits.Str(mandatory=True)
    sidecars = traits.Dict(traits.Str, traits.Dict, mandatory=True, desc='of the results')
    review = File(exists=True, desc='of a reader, moved to the lesions of this run')


# A file for each row of the table of results that a run makes; those of an input that a unit may
# lack need not be there.
for _result in results_of(MAY_LACK):
    _PublishInputSpec.add_class_trait(
        _result.name, File(exists=True, mandatory=not _result.needs, desc=_result.text)
    )


class Publish(SimpleInterface):
    """Name a unit's results and put them in place, all of one run and each one whole."""

    input_spec = _PublishInputSpec
    output_spec = _PublishOutputSpec
    _always_run = True

    def _run_interface(self, runtime):
        named, staging = _stage(_files(self.inputs), self.inputs.source_file, Path(runtime.cwd))
        if isdefined(self.inputs.review):
            # It has its name already, which a reader may have chosen.
            place = unit_folder(staging, self.inputs.unit) / 'anat'
            named.append(shutil.copy(self.inputs.review, str(place)))
        self._results['out_files'] = _publish(self.inputs, named, DATATYPES)
        return runtime


class _PublishMapsInputSpec(BaseInterfaceInputSpec):
    out_dir = Directory(mandatory=True, desc='root of the derivatives dataset')
    unit = traits.Str(mandatory=True, desc='label of the unit, such as sub-01_ses-02')
    source_file = File(mandatory=True, desc='the first magnitude, which they are named after')
    field_t = traits.Float(mandatory=True, desc='main field in T')
    facts = traits.Dict(mandatory=True, desc='known of the files they are made from')
    reconstruction = traits.Dict(mandatory=True, desc='how they were made')
    notes = traits.List(traits.Str, desc='what was chosen, mended or converted')


for _name in MAPS:
    _PublishMapsInputSpec.add_class_trait(_name, File(exists=True))


class PublishMaps(SimpleInterface):
    """Name the images that were made from magnitude and phase, and put them in place."""

    input_spec = _PublishMapsInputSpec
    output_spec = _PublishOutputSpec
    _always_run = True

    def _run_interface(self, runtime):
        inputs, folder = self.inputs, Path(runtime.cwd)
        paths = {name: getattr(inputs, name) for name in MAPS if isdefined(getattr(inputs, name))}
        paths['field_map'] = _in_hz(paths['field_map'], inputs.field_t, folder)
        notes = {'Notes': inputs.notes} if isdefined(inputs.notes) else {}
        facts = {
            **inputs.facts,
            'conversion': {},
            'reconstruction': {**inputs.reconstruction, **notes},
        }
        rows = [result for result in RESULTS if result.name in paths]
        sidecars = complete_sidecars(rows, facts)
        files = ((paths[row.name], row.entities_of('', ''), sidecars[row.name]) for row in rows)
        named, _ = _stage(files, inputs.source_file, folder)
        published = publish(map(Path, named), Path(inputs.out_dir), inputs.unit)
        self._results['out_files'] = [str(path) for path in published]
        return runtime


def _in_hz(path: str, field_t: float, folder: Path) -> str:
    """A field in ppm as BIDS wants it."""
    from deepmir_bids.reconstruction.dipole_kernel import GAMMA_MHZ_PER_T

    image = nib.load(path)
    hz = image.get_fdata(dtype='float32') * (GAMMA_MHZ_PER_T * field_t)
    nib.save(nib.Nifti1Image(hz, image.affine, image.header), folder / 'field_hz.nii')
    return str(folder / 'field_hz.nii')


def _stage(results: Iterable[_Result], swi: str, folder: Path) -> tuple[list[str], Path]:
    """Files under their names, each as the SWI is stored, and the root of the names."""
    from deepmir_bids.interfaces.derivatives_sink import name_files

    staging = folder / 'staging'
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    return name_files(_on_own_grid(results, swi, folder), swi, staging), staging


def _on_own_grid(files: Iterable[_Result], swi: str, folder: Path) -> Iterator[_Result]:
    """Results with each image as the SWI is stored, one at a time in a folder."""
    from deepmir_bids.imaging.read_image import own_affine
    from deepmir_bids.imaging.voxel_order import on_own_grid

    affine, stored = own_affine(Path(swi)), folder / 'stored.nii'
    for path, entities, sidecar in files:
        if path.endswith('.nii'):
            nib.save(on_own_grid(nib.load(path), affine), stored)
            path = str(stored)
        yield path, entities, sidecar
    stored.unlink()


def _files(inputs) -> Iterator[_Result]:
    """Path, entities and sidecar of each result that is there."""
    for result in results_of(MAY_LACK):
        path = getattr(inputs, result.name)
        if isdefined(path):
            entities = result.entities_of(inputs.template, inputs.atlas)
            sidecar = inputs.sidecars.get(result.name, {})
            if result.name == 'lesions':
                # Not among the facts: the steps before would be done anew in each run.
                sidecar = {**sidecar, 'Run': inputs.run}
            yield path, entities, sidecar


def _publish(inputs, named: list[str], datatypes: Iterable[str]) -> list[str]:
    staged = [Path(path) for path in (*named, *inputs.figures, inputs.page)]
    published = publish(staged, Path(inputs.out_dir), inputs.unit, tuple(datatypes))
    return [str(path) for path in published]
