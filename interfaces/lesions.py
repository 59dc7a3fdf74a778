"""Lesions in the network's probabilities, and what is measured of each."""

from __future__ import annotations

import json
from dataclasses import asdict
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

from deepmir_bids import CLASSES
from deepmir_bids.imaging.large_volumes import slabwise
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.imaging.voxel_order import load_in_canonical_order
from deepmir_bids.interfaces.imaging import save_like
from deepmir_bids.lesions.detection_criteria import DetectionCriteria


class _FindLesionsInputSpec(BaseInterfaceInputSpec):
    cmb = File(exists=True, mandatory=True, desc='probability of a microbleed')
    iron = File(exists=True, mandatory=True, desc='probability of an iron deposit')
    brain_mask = File(exists=True, mandatory=True)
    iron_area = File(exists=True, mandatory=True, desc='where an iron deposit may lie')
    criteria = traits.Instance(DetectionCriteria, mandatory=True)
    review = File(exists=True, desc='of a reader, whose lesions stay at least candidates')


class _FindLesionsOutputSpec(TraitedSpec):
    lesions = File(exists=True, desc='one index for each lesion')
    candidates = File(exists=True, desc='the same of what stayed just under its threshold')
    class_map = File(exists=True, desc='1 CMB, 2 iron')
    cmb = File(exists=True, desc='mask of the microbleeds')
    iron = File(exists=True, desc='mask of the iron deposits')
    peaks = File(exists=True, desc='JSON: index, class and probability of lesions and candidates')


class FindLesions(SimpleInterface):
    """Lesions as connected components of the probabilities."""

    input_spec = _FindLesionsInputSpec
    output_spec = _FindLesionsOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.lesions.connected_lesions import NEAR, class_map, find_lesions
        from deepmir_bids.lesions.review_transfer import judged_places

        grid = load_in_canonical_order(self.inputs.cmb)
        judged = {}
        if isdefined(self.inputs.review):
            judged = judged_places(Path(self.inputs.review), grid.affine)
        found = find_lesions(
            np.stack([read_on_grid(getattr(self.inputs, name.lower()), grid) for name in CLASSES]),
            self.inputs.criteria,
            grid.header.get_zooms()[:3],
            brain_mask=read_on_grid(self.inputs.brain_mask, grid) > 0,
            iron_mask=read_on_grid(self.inputs.iron_area, grid) > 0,
            near=NEAR,
            judged=judged,
        )
        classes = class_map(found.labels, found.lesions)
        images = {
            'class_map': (classes, np.uint8),
            'lesions': (found.labels, np.int16),
            'candidates': (found.candidate_labels, np.int16),
            **{name.lower(): (classes == value, np.uint8) for name, value in CLASSES.items()},
        }
        for name, (data, dtype) in images.items():
            path = Path(runtime.cwd) / f'{name}.nii'
            self._results[name] = save_like(grid, data, dtype, path)
        peaks = {
            'lesions': [asdict(lesion) for lesion in found.lesions],
            'candidates': [asdict(candidate) for candidate in found.candidates],
        }
        self._results['peaks'] = str(Path(runtime.cwd) / 'peaks.json')
        Path(self._results['peaks']).write_text(json.dumps(peaks))
        return runtime


class _MeasureLesionsInputSpec(BaseInterfaceInputSpec):
    lesions = File(exists=True, mandatory=True)
    candidates = File(exists=True, mandatory=True)
    peaks = File(exists=True, mandatory=True, desc='class and probability of each')
    swi = File(exists=True, mandatory=True)
    qsm = File(exists=True, desc='in ppm')
    brain_mask = File(exists=True, mandatory=True)
    structures = File(exists=True, mandatory=True)
    structure_table = File(exists=True, mandatory=True, desc='index, name and region')
    from_template = File(
        exists=True,
        mandatory=True,
        desc='transform that takes images from the template, and points to it',
    )


class _MeasureLesionsOutputSpec(TraitedSpec):
    lesion_table = File(exists=True)
    candidate_table = File(exists=True, desc='the same of the candidates')


class MeasureLesions(SimpleInterface):
    """One row for each lesion or candidate: where it is, how large, how it looks."""

    input_spec = _MeasureLesionsInputSpec
    output_spec = _MeasureLesionsOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.anatomy.apply_transforms import points_to_template
        from deepmir_bids.bids.tsv import read_tsv, write_tsv
        from deepmir_bids.lesions.lesion_measures import measure_lesions

        swi = nib.load(self.inputs.swi)

        def read(path):
            return read_on_grid(path, swi) if isdefined(path) else None

        peaks = json.loads(Path(self.inputs.peaks).read_text())
        both = [*peaks['lesions'], *peaks['candidates']]
        names = read_tsv(self.inputs.structure_table)
        table = measure_lesions(
            slabwise(
                np.add, read(self.inputs.lesions), read(self.inputs.candidates), dtype=np.int32
            ),
            [lesion['name'] for lesion in both],
            [lesion['probability'] for lesion in both],
            affine=swi.affine,
            swi=read(self.inputs.swi),
            qsm=read(self.inputs.qsm),
            brain_mask=read(self.inputs.brain_mask) > 0,
            structures=read(self.inputs.structures).astype(np.int32),
            names={int(row['index']): (row['name'], row['region']) for _, row in names.iterrows()},
            to_template=lambda points: points_to_template(points, self.inputs.from_template),
        )
        counted = table['index'] <= len(peaks['lesions'])
        for name, rows in (('lesion_table', counted), ('candidate_table', ~counted)):
            path = Path(runtime.cwd) / f'{name}.tsv'
            self._results[name] = str(write_tsv(table[rows], path))
        return runtime


class _TransferReviewInputSpec(BaseInterfaceInputSpec):
    review = File(exists=True, mandatory=True, desc='of the lesions of an earlier run')
    lesion_table = File(exists=True, mandatory=True)
    candidate_table = File(exists=True, mandatory=True)


class _TransferReviewOutputSpec(TraitedSpec):
    review = File(exists=True, desc='of these lesions')


class TransferReview(SimpleInterface):
    """Give a reader's verdicts to the same lesions of another run."""

    input_spec = _TransferReviewInputSpec
    output_spec = _TransferReviewOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.lesions.review_transfer import transfer_review

        tables = [Path(self.inputs.lesion_table), Path(self.inputs.candidate_table)]
        review = Path(self.inputs.review)
        path = Path(runtime.cwd) / review.name
        path.write_text(transfer_review(review, tables), encoding='utf-8')
        self._results['review'] = str(path)
        return runtime
