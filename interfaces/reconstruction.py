"""SWI and QSM, made from the scanner's magnitude and phase."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.errors import InputError
from deepmir_bids.imaging.voxel_order import plain_image


class _ReconstructInputSpec(BaseInterfaceInputSpec):
    echoes = traits.Instance(RawEchoes, mandatory=True)
    anatomy = traits.Instance(Anatomy, mandatory=True)
    brain_mask = File(exists=True, desc='a given brain mask')
    dispensable = traits.Bool(False, usedefault=True, desc='whether the unit has an SWI already')
    threads = traits.Int(1, usedefault=True, nohash=True)


class _ReconstructOutputSpec(TraitedSpec):
    swi = File(exists=True)
    minip = File(exists=True, desc='minimum intensity projection of the SWI')
    qsm = File(exists=True, desc='ppm, paramagnetic positive')
    r2star = File(exists=True, desc='1/s, of three echoes or more')
    magnitude = File(exists=True, desc='of all echoes together')
    field_map = File(exists=True, desc='local field, ppm')
    known = File(exists=True, desc='mask of where susceptibility is known')
    description = traits.Dict(desc='how they were made, for the sidecars')
    notes = traits.List(traits.Str)
    flags = traits.List(traits.Str)


class Reconstruct(SimpleInterface):
    """Make SWI, QSM and R2* of one scan; leave them out where a unit can do without."""

    input_spec = _ReconstructInputSpec
    output_spec = _ReconstructOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.affine_starts import RegistrationError

        try:
            self._make(Path(runtime.cwd))
        except (InputError, RegistrationError) as error:
            if not self.inputs.dispensable:
                raise
            self._results['notes'] = [f'No QSM was made: {error}']
            self._results['flags'] = ['qsm_unusable']
        return runtime

    def _make(self, folder: Path) -> None:
        import nibabel as nib

        from deepmir_bids.anatomy.magnitude_brain import brain_of_magnitude
        from deepmir_bids.reconstruction.maps_of_echoes import DEFAULTS, reconstruct
        from deepmir_bids.reconstruction.read_echoes import read_echoes

        raw = self.inputs.echoes
        echoes = read_echoes(raw)
        magnitude = plain_image(echoes.combined, echoes.affine)
        magnitude.set_filename(str(raw.reference))  # the name that an error gives
        given = self.inputs.brain_mask if isdefined(self.inputs.brain_mask) else None
        maps = reconstruct(
            echoes.magnitude,
            echoes.phase,
            raw.echo_times_s,
            raw.field_t,
            echoes.voxel_mm,
            echoes.b0_direction,
            brain_of_magnitude(magnitude, self.inputs.anatomy, folder, given),
            threads=self.inputs.threads,
        )
        made = {
            'swi': maps.swi,
            'minip': maps.minip,
            'qsm': maps.chi_ppm,
            'r2star': maps.r2star,
            'magnitude': echoes.combined,
            'field_map': maps.field_ppm,
            'known': maps.mask,
        }
        for name, array in made.items():
            if array is not None:
                self._results[name] = str(folder / f'{name}.nii')
                image = plain_image(array.astype(np.float32), echoes.affine)
                nib.save(image, self._results[name])
        self._results['notes'] = [*echoes.notes, *maps.notes]
        self._results['flags'] = []
        self._results['description'] = {
            'Reconstruction': {
                'Method': asdict(DEFAULTS),
                'EchoTimes': list(raw.echo_times_s),
                'MagneticFieldStrength': raw.field_t,
                'B0Direction': [round(part, 4) for part in echoes.b0_direction],
                'PhaseUnit': echoes.phase_unit,
                'PhaseSign': maps.phase_sign,
                'SusceptibilityReference': 'mean of the brain where susceptibility is known',
                'BrainMask': 'given' if given else 'of the template, on the magnitude',
                'MaskVolume': round(float(maps.mask.sum() * np.prod(echoes.voxel_mm)) / 1000, 1),
            }
        }
