"""A subject in memory, and from files."""

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.training.subjects import TrainingSubject, cache_subject, read_subject


def test_lesions_of_one_voxel_do_not_vanish(card):
    rng = np.random.default_rng(0)
    shape = (40, 40, 20)
    truth = np.zeros(shape, dtype=np.uint8)
    truth[11, 13, 7] = truth[25, 28, 12] = 1
    swi = rng.uniform(50, 100, shape)
    affine = np.diag([0.9, 0.9, 2.0, 1.0])
    cached = cache_subject('x', swi, None, None, swi > 0, truth, affine, card)
    assert len(cached.lesions['CMB']) == 2
    assert len(cached.lesions['iron']) == 0
    where = cached.prepared.grid.locate(np.array([11, 13, 7]))
    assert np.abs(cached.lesions['CMB'] - where).sum(axis=1).min() <= 2


def test_small_lesions_weigh_more(subject):
    weight = [subject.weight[subject.target[c] > 128].max() for c in (0, 1)]
    assert weight[0] > weight[1] >= 1


def test_hard_places_are_no_lesions(subject):
    for place in subject.hard:
        assert not subject.target[(slice(None), *place)].any()


def write(folder, name, data, affine):
    path = folder / f'{name}.nii.gz'
    nib.Nifti1Image(np.asarray(data, dtype=np.float32), affine).to_filename(path)
    return path


def test_files_of_another_grid_and_unknown_labels_are_refused(card, tmp_path):
    shape, affine = (20, 20, 10), np.diag([0.9, 0.9, 2.0, 1.0])
    rng = np.random.default_rng(0)
    swi = write(tmp_path, 'swi', rng.uniform(50, 100, shape), affine)
    mask = write(tmp_path, 'mask', np.ones(shape), affine)
    good = write(tmp_path, 'good', np.zeros(shape), affine)
    moved = write(tmp_path, 'moved', np.zeros(shape), affine * 1.1)
    three = write(tmp_path, 'three', np.full(shape, 3), affine)
    assert read_subject(TrainingSubject('x', swi, None, None, mask, good), card).name == 'x'
    with pytest.raises(ValueError, match=r'moved.*not on the grid'):
        read_subject(TrainingSubject('x', swi, None, None, mask, moved), card)
    with pytest.raises(ValueError, match=r'three.*relabel'):
        read_subject(TrainingSubject('x', swi, None, None, mask, three), card)
