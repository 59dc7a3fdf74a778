"""Images as they come, and what is made uniform in them."""

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

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.load_input import DISPENSABLE, ROLES, load_input
from deepmir_bids.imaging.read_image import load_volume, read_on_grid
from deepmir_bids.imaging.resampling import resample_to_image
from deepmir_bids.imaging.slice_faults import level_slices


class PassOn(SimpleInterface):
    """Does something to ``in_file``, and nothing where there is none.

    An image that a unit can do without is left out by whichever step cannot use it: that step
    leaves its ``out_file`` undefined, and those after it pass that on.
    """

    def _run_interface(self, runtime):
        return self._process(runtime) if isdefined(self.inputs.in_file) else runtime

    def _leave_out(self, name: str, why: str, flag: str) -> None:
        """Say why an image is not used any further; the unit goes on without."""
        self._results['notes'] = [f'The {name} was left out: {why}']
        self._results['flags'] = [flag]


class _LoadVolumeInputSpec(BaseInterfaceInputSpec):
    in_file = File(desc='image as it comes from the dataset, or nothing if it was left out')
    role = traits.Enum(*ROLES.values(), mandatory=True, desc='what it has to be')
    made = traits.Bool(False, usedefault=True, desc='whether deepmir made it: it is as it should')


class MendedOutputSpec(TraitedSpec):
    """An image, and what was mended in it or why it was left out."""

    out_file = File(exists=True)
    notes = traits.List(traits.Str, desc='in a sentence each')
    flags = traits.List(traits.Str, desc='in a word each')


class LoadVolume(PassOn):
    """Check one 3D image and make its header plain; leave a QSM or T2w out that is of no use."""

    input_spec = _LoadVolumeInputSpec
    output_spec = MendedOutputSpec

    def _process(self, runtime):
        role, path = self.inputs.role, self.inputs.in_file
        try:
            if self.inputs.made:
                image, notes, flags = *load_volume(path), []
            else:
                image, notes, flags = load_input(role, path)
        except InputError as error:
            if role not in DISPENSABLE:
                raise
            self._leave_out(role, str(error), f'{role.split()[-1].lower()}_unusable')
            return runtime
        self._results['out_file'] = save(image, runtime, path)
        self._results['notes'], self._results['flags'] = notes, flags
        return runtime


class _LevelSlicesInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='SWI')
    brain_mask = File(exists=True, mandatory=True)


class LevelSlices(SimpleInterface):
    """Level slices of an SWI that do not fit those beside them, or set them to NaN."""

    input_spec = _LevelSlicesInputSpec
    output_spec = MendedOutputSpec

    def _run_interface(self, runtime):
        image = nib.load(self.inputs.in_file)
        brain = read_on_grid(self.inputs.brain_mask, image) > 0
        swi, notes = level_slices(read_on_grid(self.inputs.in_file, image), brain)
        self._results['out_file'] = self.inputs.in_file
        if notes:
            levelled = nib.Nifti1Image(swi, image.affine, image.header)
            self._results['out_file'] = save(levelled, runtime, self.inputs.in_file)
        self._results['notes'] = [f'SWI: {note}.' for note in notes]
        self._results['flags'] = ['swi_slices'] if notes else []
        return runtime


class _FitMaskInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='a given brain mask, on any grid')
    source_file = File(mandatory=True, desc='the file it came from, for messages')
    reference = File(exists=True, mandatory=True, desc='SWI')


class FitMask(PassOn):
    """Pass a given brain mask on, or leave it out where it does not lie on the SWI's brain."""

    input_spec = _FitMaskInputSpec
    output_spec = MendedOutputSpec

    def _process(self, runtime):
        from deepmir_bids.imaging.mask_fit import why_not_on_swi

        why = why_not_on_swi(nib.load(self.inputs.in_file), nib.load(self.inputs.reference))
        if why:
            name = Path(self.inputs.source_file).name
            self._leave_out('brain mask', f'{name}: {why}; the template gives one.', 'mask_unfit')
        else:
            self._results['out_file'] = self.inputs.in_file
        return runtime


class _CorrectBiasInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, desc='magnitude image of a head')
    sloppy = traits.Bool(False, usedefault=True, desc='coarse and fast, for tests')


class _ImageOutputSpec(TraitedSpec):
    out_file = File(exists=True)


class CorrectBias(PassOn):
    """Take the shading out of an image (N4)."""

    input_spec = _CorrectBiasInputSpec
    output_spec = _ImageOutputSpec

    def _process(self, runtime):
        self._results['out_file'] = without_shading(
            self.inputs.in_file, self.inputs.sloppy, runtime
        )
        return runtime


def without_shading(in_file: str, sloppy: bool, runtime) -> str:
    """Take the shading out of an image, in ANTs' own process; return the path of the new one."""
    from deepmir_bids.anatomy.ants_process import run_in_ants_process
    from deepmir_bids.imaging.bias_field import correct_bias

    image = run_in_ants_process(correct_bias, nib.load(in_file), sloppy=sloppy)
    return save(image, runtime, in_file)


class _ToGridInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, desc='image in the world of the reference')
    reference = File(exists=True, mandatory=True, desc='image that has the grid')


class ToGrid(PassOn):
    """Resample an image to another's grid, through their affines."""

    input_spec = _ToGridInputSpec
    output_spec = _ImageOutputSpec

    def _process(self, runtime):
        image = resample_to_image(nib.load(self.inputs.in_file), nib.load(self.inputs.reference))
        self._results['out_file'] = save(image, runtime, self.inputs.in_file)
        return runtime


def save(image, runtime, like: str) -> str:
    """Keep an intermediate image, uncompressed, under the name of what it was made from."""
    path = Path(runtime.cwd) / (Path(like).name.removesuffix('.gz').removesuffix('.nii') + '.nii')
    nib.save(image, path)
    return str(path)


def save_like(reference: nib.Nifti1Image, data: np.ndarray, dtype, path: Path) -> str:
    """Write an array on the grid of an image, uncompressed; return the path."""
    image = nib.Nifti1Image(data.astype(dtype, copy=False), reference.affine, reference.header)
    image.set_data_dtype(dtype)
    nib.save(image, path)
    return str(path)
