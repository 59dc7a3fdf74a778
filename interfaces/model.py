"""The U-Net, and the lesions in what it says."""

from __future__ import annotations

import json
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
        try:
            found = probabilities_on_swi(
                load_model(self.inputs.model),
                _data(self.inputs.swi),
                _data(self.inputs.qsm),
                _data(self.inputs.t2w),
                _data(self.inputs.brain_mask) > 0,
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
        for name, probability in zip(CLASSES, found, strict=True):
            field = name.lower()
            self._results[field] = _keep(runtime, f'{field}.nii', probability, swi, np.float32)
        return runtime


class _FindLesionsInputSpec(BaseInterfaceInputSpec):
    cmb = File(exists=True, mandatory=True, desc='probability of a microbleed')
    iron = File(exists=True, mandatory=True, desc='probability of an iron deposit')
    brain_mask = File(exists=True, mandatory=True)
    iron_area = File(exists=True, mandatory=True, desc='where an iron deposit may lie')
    thresholds = traits.Dict(traits.Str, traits.Float, mandatory=True)
    min_volume_mm3 = traits.Float(mandatory=True)
    extent = traits.Float(mandatory=True)


class _FindLesionsOutputSpec(TraitedSpec):
    lesions = File(exists=True, desc='one index for each lesion')
    candidates = File(exists=True, desc='the same of what stayed just under its threshold')
    classes = File(exists=True, desc='1 CMB, 2 iron')
    cmb = File(exists=True, desc='mask of the microbleeds')
    iron = File(exists=True, desc='mask of the iron deposits')
    found = File(exists=True, desc='JSON: class and probability of each index, how many count')


class FindLesions(SimpleInterface):
    """Lesions as connected components of the probabilities."""

    input_spec = _FindLesionsInputSpec
    output_spec = _FindLesionsOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.lesions.connected_lesions import (
            MOST_CANDIDATES,
            NEAR,
            class_map,
            find_lesions,
        )

        reference = nib.load(self.inputs.cmb)
        labels, found = find_lesions(
            np.stack([_data(getattr(self.inputs, name.lower())) for name in CLASSES]),
            self.inputs.thresholds,
            reference.header.get_zooms()[:3],
            brain_mask=_data(self.inputs.brain_mask) > 0,
            iron_mask=_data(self.inputs.iron_area) > 0,
            min_volume_mm3=self.inputs.min_volume_mm3,
            extent=self.inputs.extent,
            near=NEAR,
        )
        lesions = [one for one in found if one.probability >= self.inputs.thresholds[one.name]]
        found = found[: len(lesions) + MOST_CANDIDATES]
        candidates = np.where((labels > len(lesions)) & (labels <= len(found)), labels, 0)
        labels[labels > len(lesions)] = 0
        classes = class_map(labels, lesions)
        arrays = {name.lower(): classes == value for name, value in CLASSES.items()}
        for field, array in {**arrays, 'classes': classes}.items():
            self._results[field] = _keep(runtime, f'{field}.nii', array, reference, np.uint8)
        for field, array in {'lesions': labels, 'candidates': candidates}.items():
            self._results[field] = _keep(runtime, f'{field}.nii', array, reference, np.int16)
        self._results['found'] = str(Path(runtime.cwd) / 'found.json')
        content = {
            'class': [one.name for one in found],
            'probability': [one.probability for one in found],
            'lesions': len(lesions),
        }
        Path(self._results['found']).write_text(json.dumps(content))
        return runtime


class _MeasureLesionsInputSpec(BaseInterfaceInputSpec):
    lesions = File(exists=True, mandatory=True)
    candidates = File(exists=True, mandatory=True)
    found = File(exists=True, mandatory=True)
    swi = File(exists=True, mandatory=True)
    qsm = File(exists=True, desc='in ppm')
    brain_mask = File(exists=True, mandatory=True)
    structures = File(exists=True, mandatory=True)
    structures_tsv = File(exists=True, mandatory=True, desc='index, name and region')
    from_template = File(
        exists=True,
        mandatory=True,
        desc='transform that takes images from the template, and points to it',
    )


class _MeasureLesionsOutputSpec(TraitedSpec):
    table = File(exists=True, desc='the lesion table')
    candidates = File(exists=True, desc='the same of the candidates')


class MeasureLesions(SimpleInterface):
    """One row for each lesion or candidate: where it is, how large, how it looks."""

    input_spec = _MeasureLesionsInputSpec
    output_spec = _MeasureLesionsOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.apply_transforms import points_to_template
        from deepmir_bids.bids.tsv import read_tsv, write_tsv
        from deepmir_bids.lesions.lesion_measures import measure_lesions

        found = json.loads(Path(self.inputs.found).read_text())
        names = read_tsv(self.inputs.structures_tsv)
        table = measure_lesions(
            (_data(self.inputs.lesions) + _data(self.inputs.candidates)).astype(np.int32),
            found['class'],
            found['probability'],
            affine=nib.load(self.inputs.swi).affine,
            swi=_data(self.inputs.swi),
            qsm=_data(self.inputs.qsm),
            brain_mask=_data(self.inputs.brain_mask) > 0,
            structures=_data(self.inputs.structures).astype(np.int32),
            names={int(row['index']): (row['name'], row['region']) for _, row in names.iterrows()},
            to_template=lambda points: points_to_template(points, self.inputs.from_template),
        )
        counts = table['index'] <= found['lesions']
        for field, rows in {'table': table[counts], 'candidates': table[~counts]}.items():
            self._results[field] = str(write_tsv(rows, Path(runtime.cwd) / f'{field}.tsv'))
        return runtime


def _data(path):
    """Values of an image, or None where an optional input was not given."""
    return nib.load(path).get_fdata(dtype=np.float32) if isdefined(path) else None


def _keep(runtime, name: str, data, like, dtype) -> str:
    """Write an array on the grid of an image into the node's folder."""
    image = nib.Nifti1Image(data.astype(dtype), like.affine, like.header)
    image.set_data_dtype(dtype)
    nib.save(image, Path(runtime.cwd) / name)
    return str(Path(runtime.cwd) / name)
