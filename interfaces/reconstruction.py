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

from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.errors import InputError
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.imaging.voxel_order import plain_image
from deepmir_bids.interfaces.imaging import save


class _CombineInputSpec(BaseInterfaceInputSpec):
    echoes = traits.Instance(RawEchoes, mandatory=True)


class _CombineOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc='magnitude of all echoes together')


class CombineEchoes(SimpleInterface):
    """Make one image of a scan's magnitudes, which the brain can be found with."""

    input_spec = _CombineInputSpec
    output_spec = _CombineOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reconstruction.read_echoes import read_echoes

        echoes = read_echoes(self.inputs.echoes)
        image = plain_image(echoes.combined, echoes.affine)
        self._results['out_file'] = save(image, runtime, str(self.inputs.echoes.reference))
        return runtime


class _ReconstructInputSpec(BaseInterfaceInputSpec):
    echoes = traits.Instance(RawEchoes, mandatory=True)
    brain_mask = File(exists=True, mandatory=True, desc='on the grid of the echoes or the SWI')
    given_mask = File(exists=True, desc='what it was made of, if it was given')
    swi = File(exists=True, desc='the SWI whose grid and world it has, if the unit has one')
    dispensable = traits.Bool(False, usedefault=True, desc='whether the unit can do without')
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
        try:
            self._make(Path(runtime.cwd))
        except InputError as error:
            if not self.inputs.dispensable:
                raise
            self._results['notes'] = [f'No QSM was made: {error}']
            self._results['flags'] = ['qsm_unusable']
        return runtime

    def _make(self, folder: Path) -> None:
        import nibabel as nib

        from deepmir_bids.reconstruction.maps_of_echoes import DEFAULTS, reconstruct
        from deepmir_bids.reconstruction.read_echoes import read_echoes

        raw = self.inputs.echoes
        echoes = read_echoes(raw)
        maps = reconstruct(
            echoes.magnitude,
            echoes.phase,
            raw.echo_times_s,
            raw.field_t,
            echoes.voxel_mm,
            echoes.b0_direction,
            self._brain(plain_image(echoes.combined, echoes.affine)),
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
                'BrainMask': 'given' if isdefined(self.inputs.given_mask) else 'of the template',
                'MaskVolume': round(float(maps.mask.sum() * np.prod(echoes.voxel_mm)) / 1000, 1),
            }
        }

    def _brain(self, magnitude) -> np.ndarray:
        """Brain mask, bool, on the grid of the echoes."""
        import nibabel as nib

        from deepmir_bids.anatomy.magnitude_brain import brain_of_magnitude

        if isdefined(self.inputs.swi):
            brain, swi = nib.load(self.inputs.brain_mask), nib.load(self.inputs.swi)
            return brain_of_magnitude(brain, swi, magnitude)
        return read_on_grid(self.inputs.brain_mask, magnitude) > 0
