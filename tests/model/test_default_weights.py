"""The shipped weights find lesions: two heads that they never saw, simulated anew."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from deepmir_bids import CLASSES
from deepmir_bids.lesions.connected_lesions import iron_area
from deepmir_bids.model import load_model
from deepmir_bids.simulation.simulated_subject import simulate_subject
from deepmir_bids.training.threshold_choice import score_classes, seek_candidates
from deepmir_bids.training.training_subjects import cache_subject

pytestmark = pytest.mark.long

#: Neither among the training, nor the validation, nor the test subjects of bench/. Both have many
#: lesions of either class, for one that another processor's rounding loses must not decide.
SEEDS = (9501, 9508)


@pytest.fixture(scope='module')
def model():
    return load_model('default')


@pytest.fixture(scope='module')
def subjects(model):
    made = []
    for seed in SEEDS:
        head = simulate_subject(seed, enriched=True)
        t2w = nib.Nifti1Image(np.asarray(head.t2w.dataobj), head.t2w_to_swi @ head.t2w.affine)
        basal_ganglia = np.asarray(head.basal_ganglia.dataobj) > 0
        made.append(
            cache_subject(
                f'seed {seed}',
                head.swi.get_fdata(),
                head.qsm.get_fdata(),
                resample_from_to(t2w, head.swi, order=1).get_fdata(),
                np.asarray(head.brain_mask.dataobj),
                np.asarray(head.truth.dataobj),
                head.swi.affine,
                model.card,
                iron_area(basal_ganglia, head.swi.affine),
            )
        )
    return made


@pytest.mark.parametrize('inputs', [('swi',), ('swi', 'qsm', 't2w')])
def test_the_shipped_weights_find_what_is_there(model, subjects, inputs):
    thresholds = model.card.thresholds_for(inputs, 'balanced')
    candidates = list(seek_candidates(model, subjects, inputs, extent=model.card.extent))
    figures = score_classes(candidates, thresholds)
    for name in CLASSES:
        assert figures[name]['TP'] + figures[name]['FN'] >= 20, 'the seeds have lesions to find'
        assert figures[name]['sensitivity'] >= 0.6
        assert figures[name]['precision'] >= 0.6
    assert figures['CMB']['FP_per_subject'] <= 3
    assert np.mean([dice for subject in candidates for dice in subject.overlaps()]) >= 0.65
