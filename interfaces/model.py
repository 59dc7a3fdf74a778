"""The network."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    Directory,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from deepmir_bids import CLASSES
from deepmir_bids.errors import InputError
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.interfaces.imaging import save_like
from deepmir_bids.threads import limit_threads


class _PredictInputSpec(BaseInterfaceInputSpec):
    swi = File(exists=True, mandatory=True, desc='the grid of everything else')
    qsm = File(exists=True, desc='in ppm')
    t2w = File(exists=True)
    brain_mask = File(exists=True, mandatory=True)
    model = Directory(exists=True, mandatory=True, nohash=True, desc='folder of the model')
    fingerprint = traits.Str(mandatory=True, desc='of the model: it is its content')
    mirror = traits.Bool(True, usedefault=True, desc='mean over both sides, in twice the time')
    device = traits.Str('auto', usedefault=True, nohash=True)
    num_threads = traits.Int(1, usedefault=True, nohash=True)


class _PredictOutputSpec(TraitedSpec):
    cmb = File(exists=True, desc='probability of a microbleed')
    iron = File(exists=True, desc='probability of an iron deposit')


class Predict(SimpleInterface):
    """Probabilities of each lesion class on the grid of the SWI."""

    input_spec = _PredictInputSpec
    output_spec = _PredictOutputSpec

    def _run_interface(self, runtime):
        limit_threads(self.inputs.num_threads)
        from deepmir_bids.model import load_model
        from deepmir_bids.model.prediction import find_device, probabilities_on_swi

        swi = nib.load(self.inputs.swi)

        def read(path):
            return read_on_grid(path, swi) if isdefined(path) else None

        try:
            probabilities = probabilities_on_swi(
                load_model(self.inputs.model),
                read(self.inputs.swi),
                read(self.inputs.qsm),
                read(self.inputs.t2w),
                read(self.inputs.brain_mask) > 0,
                swi.affine,
                find_device(self.inputs.device),
                self.inputs.num_threads,
                mirror=self.inputs.mirror,
            )
        except ValueError as error:
            raise InputError(
                f'The network cannot use the images of this brain mask ({error}): look at both, '
                'and give another mask with --brain-mask-from.'
            ) from error
        for name, probability in zip(CLASSES, probabilities, strict=True):
            path = Path(runtime.cwd) / f'{name.lower()}.nii'
            self._results[name.lower()] = save_like(swi, probability, np.float32, path)
        return runtime
