"""From the template to the subject: registration, brain mask, structures."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from deepmir_bids.anatomy.ants_process import run_in_ants_process
from deepmir_bids.anatomy.atlas_structures import basal_ganglia_indices
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.errors import InputError
from deepmir_bids.interfaces.imaging import MendedOutputSpec, PassOn, without_shading
from deepmir_bids.lesions.connected_lesions import iron_area


class _AlignInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, desc='T2w of the head')
    reference = File(exists=True, mandatory=True, desc='SWI of the same head')
    source_file = File(mandatory=True, desc='the file the T2w came from, for messages')
    sloppy = traits.Bool(False, usedefault=True)


class _AlignOutputSpec(MendedOutputSpec):
    mutual_information = traits.Float(desc='of T2w and SWI in the head, nats')


class Align(PassOn):
    """Bring a T2w to the SWI's world without touching its voxels: the affine takes the motion.

    One that shows another head is left out.
    """

    input_spec = _AlignInputSpec
    output_spec = _AlignOutputSpec

    def _process(self, runtime):
        from deepmir_bids.anatomy.rigid_registration import register_rigid

        moving = nib.load(self.inputs.in_file)
        rigid = run_in_ants_process(
            register_rigid,
            moving,
            nib.load(self.inputs.reference),
            sloppy=self.inputs.sloppy,
        )
        self._results['mutual_information'] = rigid.mutual_information
        if rigid.mismatch:
            name = Path(self.inputs.source_file).name
            why = f'{name} and the SWI do not fit, {rigid.mismatch}; the SWI registers itself.'
            self._leave_out('T2w', why, 't2w_mismatch')
            return runtime
        moved = nib.Nifti1Image(moving.get_fdata(dtype=np.float32), rigid.matrix @ moving.affine)
        self._results['out_file'] = str(Path(runtime.cwd) / 'T2w.nii')
        nib.save(moved, self._results['out_file'])
        return runtime


class _ChooseHeadInputSpec(BaseInterfaceInputSpec):
    swi = File(exists=True, mandatory=True)
    swi_file = File(mandatory=True, desc='the file the SWI came from, for messages')
    t2w = File(exists=True, desc='corrected, and in the world of the SWI')
    t2w_file = File(desc='the file the T2w came from')
    sloppy = traits.Bool(False, usedefault=True)


class _ChooseHeadOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc='a head without shading, in the world of the SWI')
    source_file = File(desc='the file it came from')


class ChooseHead(SimpleInterface):
    """The image that is registered to the template: the T2w, or the SWI where there is none."""

    input_spec = _ChooseHeadInputSpec
    output_spec = _ChooseHeadOutputSpec

    def _run_interface(self, runtime):
        inputs = self.inputs
        if isdefined(inputs.t2w):
            head, source = inputs.t2w, inputs.t2w_file
        else:
            head = without_shading(inputs.swi, inputs.sloppy, runtime)
            source = inputs.swi_file
        self._results |= {'out_file': head, 'source_file': source}
        return runtime


class _RegisterInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='head, in the world of the SWI')
    source_file = File(mandatory=True, desc='the file it came from, for messages')
    anatomy = traits.Instance(Anatomy, mandatory=True)
    brain_mask = File(exists=True, desc='a given brain mask, in the world of the SWI')
    sloppy = traits.Bool(False, usedefault=True)


class _RegisterOutputSpec(TraitedSpec):
    to_template = File(exists=True, desc='takes images from the SWI to the template')
    from_template = File(exists=True, desc='takes images from the template to the SWI')
    summary = traits.Dict(desc='chosen start, scores, quality')


class Register(SimpleInterface):
    """Register a head to the template: the best of several starts, then SyN."""

    input_spec = _RegisterInputSpec
    output_spec = _RegisterOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.template_registration import register_template

        head = nib.load(self.inputs.in_file)
        head.set_filename(self.inputs.source_file)  # the name that an error gives
        registration = run_in_ants_process(
            register_template,
            head,
            self.inputs.anatomy,
            Path(runtime.cwd),
            brain_mask=_optional(self.inputs.brain_mask),
            sloppy=self.inputs.sloppy,
        )
        self._results['to_template'] = str(registration.from_image)
        self._results['from_template'] = str(registration.to_image)
        self._results['summary'] = {
            'Start': registration.start,
            'MutualInformation': round(registration.mutual_information, 4),
            'MutualInformationOfStarts': {
                start: round(value, 4) for start, value in registration.candidates.items()
            },
            'BrainVolume': round(registration.brain_ml, 1),
        }
        return runtime


class _LabelInputSpec(BaseInterfaceInputSpec):
    reference = File(exists=True, mandatory=True, desc='SWI, which has the grid')
    from_template = File(exists=True, mandatory=True)
    anatomy = traits.Instance(Anatomy, mandatory=True)
    brain_mask = File(exists=True, desc='a given brain mask, on any grid')


class _LabelOutputSpec(TraitedSpec):
    brain_mask = File(exists=True)
    structures = File(exists=True, desc='one value for each structure')
    iron_rich = File(exists=True, desc='caudate, putamen and pallidum')
    iron_area = File(exists=True, desc='the same, widened: where an iron deposit may lie')


class Label(SimpleInterface):
    """Resample brain mask and structures of the template to the grid of the SWI."""

    input_spec = _LabelInputSpec
    output_spec = _LabelOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.labels_on_swi import label_brain

        swi = nib.load(self.inputs.reference)
        anatomy = self.inputs.anatomy
        brain_mask, structures = run_in_ants_process(
            label_brain,
            swi.shape,
            swi.affine,
            anatomy,
            self.inputs.from_template,
            _optional(self.inputs.brain_mask),
        )
        iron_rich = np.isin(structures, basal_ganglia_indices(anatomy.structures))
        images = {
            'brain_mask': brain_mask.astype(np.uint8),
            'structures': structures.astype(np.int16),
            'iron_rich': iron_rich.astype(np.uint8),
            'iron_area': iron_area(iron_rich, swi.affine).astype(np.uint8),
        }
        for name, data in images.items():
            image = nib.Nifti1Image(data, swi.affine, swi.header)
            image.set_data_dtype(data.dtype)
            self._results[name] = str(Path(runtime.cwd) / f'{name}.nii')
            nib.save(image, self._results[name])
        return runtime


class _CheckContrastInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='SWI')
    source_file = File(mandatory=True, desc='the file it came from, for messages')
    stands_in = traits.Bool(False, usedefault=True, desc='a T2*w may be brighter than an SWI')
    structures = File(exists=True, mandatory=True, desc='one value for each structure')
    anatomy = traits.Instance(Anatomy, mandatory=True)


class CheckContrast(SimpleInterface):
    """Pass an SWI on as it is, unless its brain has the contrast of another kind of image."""

    input_spec = _CheckContrastInputSpec
    output_spec = MendedOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.tissue_contrast import measure_contrast

        swi = nib.load(self.inputs.in_file)
        contrast = measure_contrast(
            swi.get_fdata(dtype=np.float32),
            np.asanyarray(nib.load(self.inputs.structures).dataobj),
            self.inputs.anatomy.structures,
            nib.affines.voxel_sizes(swi.affine),
        )
        self._results['out_file'] = self.inputs.in_file
        if contrast.is_doubtful or (contrast.is_bright and self.inputs.stands_in):
            name = Path(self.inputs.source_file).name
            self._results['notes'] = [
                f'{name}: {contrast.likeness}: trust the results only if it is a gradient echo.'
            ]
            self._results['flags'] = ['swi_contrast']
        elif contrast.likeness:
            raise InputError(
                f'{self.inputs.source_file} is no SWI: {contrast.likeness}; choose another file '
                'with --bids-filter-file.'
            )
        return runtime


class _MeasureAnatomyInputSpec(BaseInterfaceInputSpec):
    swi = File(exists=True, mandatory=True)
    qsm = File(exists=True, desc='in ppm')
    brain_mask = File(exists=True, mandatory=True)
    structures = File(exists=True, mandatory=True, desc='one value for each structure')
    anatomy = traits.Instance(Anatomy, mandatory=True)
    qsm_fit = traits.Dict(desc='how QSM and SWI lie on each other')


class _MeasureAnatomyOutputSpec(TraitedSpec):
    structure_table = File(exists=True, desc='name, kind, volume, susceptibility of structures')
    quality = traits.Dict(desc='what a cohort is checked by')


class MeasureAnatomy(SimpleInterface):
    """Volume and susceptibility of each structure, and how good the images are."""

    input_spec = _MeasureAnatomyInputSpec
    output_spec = _MeasureAnatomyOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.structure_measures import measure_structures
        from deepmir_bids.bids.tsv import write_tsv
        from deepmir_bids.imaging.image_noise import relative_noise

        swi = nib.load(self.inputs.swi)
        brain = np.asanyarray(nib.load(self.inputs.brain_mask).dataobj) > 0
        qsm = _optional(self.inputs.qsm)
        table = measure_structures(
            np.asanyarray(nib.load(self.inputs.structures).dataobj),
            self.inputs.anatomy.structures,
            swi.affine,
            None if qsm is None else qsm.get_fdata(dtype=np.float32),
        )
        self._results['structure_table'] = str(
            write_tsv(table, Path(runtime.cwd) / 'structures.tsv')
        )
        zooms = nib.affines.voxel_sizes(swi.affine)
        self._results['quality'] = {
            'BrainVolume': round(float(brain.sum() * np.prod(zooms)) / 1000, 1),
            'SWINoise': round(relative_noise(swi.get_fdata(dtype=np.float32), brain), 4),
            'VoxelSize': [round(float(side), 4) for side in zooms],
            **(self.inputs.qsm_fit if isdefined(self.inputs.qsm_fit) else {}),
        }
        return runtime


def _optional(path):
    """Image of an input that need not be given."""
    return nib.load(path) if isdefined(path) else None
