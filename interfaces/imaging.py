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
    traits,
)

from deepmir_bids.imaging.qsm_units import chi_scale
from deepmir_bids.imaging.read_image import load_volume, read_on_grid
from deepmir_bids.imaging.resampling import resample_to_image


class _LoadVolumeInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='image as it comes from the dataset')


class _LoadVolumeOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc='the same volume, checked, float32, with one orientation')
    notes = traits.List(traits.Str, desc='what was mended')


class LoadVolume(SimpleInterface):
    """Check one 3D image and make its header plain."""

    input_spec = _LoadVolumeInputSpec
    output_spec = _LoadVolumeOutputSpec

    def _run_interface(self, runtime):
        image, notes = load_volume(self.inputs.in_file)
        self._results['out_file'] = _save(image, runtime, self.inputs.in_file)
        self._results['notes'] = notes
        return runtime


class _CorrectBiasInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='magnitude image of a head')
    sloppy = traits.Bool(False, usedefault=True, desc='coarse and fast, for tests')


class _ImageOutputSpec(TraitedSpec):
    out_file = File(exists=True)


class CorrectBias(SimpleInterface):
    """Take the shading out of an image (N4)."""

    input_spec = _CorrectBiasInputSpec
    output_spec = _ImageOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.ants_process import run_in_ants_process
        from deepmir_bids.imaging.bias_field import correct_bias

        image = run_in_ants_process(
            correct_bias, nib.load(self.inputs.in_file), sloppy=self.inputs.sloppy
        )
        self._results['out_file'] = _save(image, runtime, self.inputs.in_file)
        return runtime


class _ToGridInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='image in the world of the reference')
    reference = File(exists=True, mandatory=True, desc='image that has the grid')


class ToGrid(SimpleInterface):
    """Resample an image to another's grid, through their affines."""

    input_spec = _ToGridInputSpec
    output_spec = _ImageOutputSpec

    def _run_interface(self, runtime):
        image = resample_to_image(nib.load(self.inputs.in_file), nib.load(self.inputs.reference))
        self._results['out_file'] = _save(image, runtime, self.inputs.in_file)
        return runtime


class _ConvertChiInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc='QSM on the grid of the masks')
    source_file = File(mandatory=True, desc='the file it came from, for messages')
    brain_mask = File(exists=True, mandatory=True)
    iron_rich = File(exists=True, mandatory=True, desc='mask of caudate, putamen and pallidum')
    scale = traits.Str('auto', usedefault=True, desc='auto, ppm, ppb, negated-ppm or negated-ppb')


class _ConvertChiOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc='QSM in ppm, paramagnetic positive')
    conversion = traits.Dict(desc='what was done, for the sidecar')
    notes = traits.List(traits.Str, desc='the conversion, if there was one')


class ConvertChi(SimpleInterface):
    """Recognise unit and sign of a QSM and bring it to ppm, paramagnetic positive."""

    input_spec = _ConvertChiInputSpec
    output_spec = _ConvertChiOutputSpec

    def _run_interface(self, runtime):
        image = nib.load(self.inputs.in_file)
        chi = read_on_grid(self.inputs.in_file, image)
        scale = chi_scale(
            chi,
            read_on_grid(self.inputs.brain_mask, image) > 0,
            read_on_grid(self.inputs.iron_rich, image) > 0,
            name=self.inputs.source_file,
            asked=self.inputs.scale,
        )
        image = nib.Nifti1Image(chi * scale.factor, image.affine, image.header)
        self._results['out_file'] = _save(image, runtime, self.inputs.in_file)
        self._results['conversion'] = {
            'Units': 'ppm',
            'ConversionFactor': scale.factor,
            'ConversionReason': scale.reason,
        }
        name = Path(self.inputs.source_file).name
        changed = f'{name} was multiplied by {scale.factor:g} ({scale.reason}).'
        self._results['notes'] = [] if scale.factor == 1 else [changed]
        return runtime


def _save(image, runtime, like: str) -> str:
    """Keep an intermediate image, uncompressed, under the name of what it was made from."""
    path = Path(runtime.cwd) / (Path(like).name.removesuffix('.gz').removesuffix('.nii') + '.nii')
    nib.save(image, path)
    return str(path)


def save_like(reference: nib.Nifti1Image, data: np.ndarray, dtype, path: Path) -> str:
    """Write an array on the grid of an image, uncompressed; return the path."""
    image = nib.Nifti1Image(data.astype(dtype), reference.affine, reference.header)
    image.set_data_dtype(dtype)
    nib.save(image, path)
    return str(path)
