"""A QSM: onto its SWI, and in ppm."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nipype.interfaces.base import BaseInterfaceInputSpec, File, traits

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.qsm_units import ChiScale, chi_scale
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.interfaces.imaging import MendedOutputSpec, PassOn, save


class _FitQsmInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, desc='QSM on any grid')
    source_file = File(mandatory=True, desc='the file it came from, for messages')
    reference = File(exists=True, mandatory=True, desc='SWI, NaN where it cannot be trusted')
    brain_mask = File(exists=True, mandatory=True, desc='on the grid of the SWI')


class _FitQsmOutputSpec(MendedOutputSpec):
    fit = traits.Dict(desc='how the two lie on each other')


class FitQsm(PassOn):
    """Bring a QSM onto its SWI by its affine, where headers do not; leave it out if nothing does.

    Most lie where they should, and are passed on as they are.
    """

    input_spec = _FitQsmInputSpec
    output_spec = _FitQsmOutputSpec

    def _process(self, runtime):
        from deepmir_bids.anatomy.qsm_fit import fit_qsm

        qsm, swi = nib.load(self.inputs.in_file), nib.load(self.inputs.reference)
        found = fit_qsm(qsm, swi, read_on_grid(self.inputs.brain_mask, swi) > 0)
        name = Path(self.inputs.source_file).name
        self._results['fit'] = {
            'QSMCorrelation': round(found.correlation, 3),
            'QSMShift': round(found.moved_mm, 2),
        }
        if not found.fits:
            why = f'{name} and the SWI do not show the same veins, in whatever place it is put.'
            self._leave_out('QSM', why, 'qsm_mismatch')
            return runtime
        self._results['out_file'] = self.inputs.in_file
        if found.moved_mm:
            moved = nib.Nifti1Image(qsm.get_fdata(dtype=np.float32), found.matrix @ qsm.affine)
            self._results['out_file'] = save(moved, runtime, self.inputs.in_file)
            far = f'by up to {found.moved_mm:.1f} mm in the brain'
            self._results['notes'] = [
                f'{name} did not lie on the SWI: it was moved onto it, {far}.'
            ]
            self._results['flags'] = ['qsm_moved']
        return runtime


class _ConvertChiInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, desc='QSM on the grid of the masks')
    source_file = File(mandatory=True, desc='the file it came from, for messages')
    brain_mask = File(exists=True, mandatory=True)
    iron_rich = File(exists=True, mandatory=True, desc='mask of caudate, putamen and pallidum')
    scale = traits.Str('auto', usedefault=True, desc='auto, ppm, ppb, negated-ppm or negated-ppb')
    made = traits.Bool(False, usedefault=True, desc='whether deepmir made it, in ppm')


class _ConvertChiOutputSpec(MendedOutputSpec):
    conversion = traits.Dict(desc='what was done, for the sidecar')


class ConvertChi(PassOn):
    """Recognise unit and sign of a QSM and bring it to ppm, paramagnetic positive.

    One that cannot be decided is left out.
    """

    input_spec = _ConvertChiInputSpec
    output_spec = _ConvertChiOutputSpec

    def _process(self, runtime):
        image = nib.load(self.inputs.in_file)
        chi = read_on_grid(self.inputs.in_file, image)
        try:
            scale = self._scale(image, chi)
        except InputError as error:
            self._leave_out('QSM', str(error), 'qsm_unusable')
            return runtime
        image = nib.Nifti1Image(chi * scale.factor, image.affine, image.header)
        self._results['out_file'] = save(image, runtime, self.inputs.in_file)
        self._results['conversion'] = {
            'Units': 'ppm',
            'ConversionFactor': scale.factor,
            'ConversionReason': scale.reason,
        }
        name = Path(self.inputs.source_file).name
        changed = f'{name} was multiplied by {scale.factor:g} ({scale.reason}).'
        self._results['notes'] = [] if scale.factor == 1 else [changed]
        return runtime

    def _scale(self, image: nib.Nifti1Image, chi: np.ndarray) -> ChiScale:
        if self.inputs.made:
            return ChiScale(1.0, 'made by deepmir, in ppm')
        return chi_scale(
            chi,
            read_on_grid(self.inputs.brain_mask, image) > 0,
            read_on_grid(self.inputs.iron_rich, image) > 0,
            name=self.inputs.source_file,
            asked=self.inputs.scale,
        )
