"""A subject in memory, and from files."""

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.training.training_subjects import TrainingSubject, cache_subject, read_subject
from deepmir_bids.training.untrained_card import restrict


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


@pytest.fixture
def files(tmp_path):
    """A subject's files, by their fields: iron counts in one half."""
    shape, affine = (20, 20, 10), np.diag([0.9, 0.9, 2.0, 1.0])
    rng = np.random.default_rng(0)
    half = np.zeros(shape)
    half[:10] = 7
    half[10:] = 8
    table = 'index\tname\tregion\n7\tleft putamen\tdeep\n8\tright insula\tlobar\n'
    (tmp_path / 'structures.tsv').write_text(table)
    return {
        'swi': write(tmp_path, 'swi', rng.uniform(50, 100, shape), affine),
        'qsm': None,
        't2w': None,
        'brain_mask': write(tmp_path, 'mask', np.ones(shape), affine),
        'structures': write(tmp_path, 'structures', half, affine),
        'labels': write(tmp_path, 'good', np.zeros(shape), affine),
    }


def test_iron_counts_in_the_basal_ganglia_and_2_mm_around(card, files):
    subject = read_subject(TrainingSubject('x', **files), card)
    assert np.flatnonzero(subject.iron_mask.any(axis=(1, 2))).max() == 11


@pytest.mark.parametrize(
    ('shape', 'zoom', 'value', 'said'),
    [
        ((20, 20, 10), 1.0, 0, 'not on the grid'),
        ((20, 20, 9), 0.9, 0, 'not on the grid'),
        ((20, 20, 10), 0.9, 3, r'holds 3: labels are 0, 1 \(CMB\), 2 \(iron\)'),
        ((20, 20, 10), 0.9, 0.5, 'holds 0.5'),
    ],
)
def test_labels_of_another_grid_or_value_are_refused(
    card, files, tmp_path, shape, zoom, value, said
):
    affine = np.diag([zoom, zoom, 2.0, 1.0])
    labels = write(tmp_path, 'bad', np.full(shape, value), affine)
    with pytest.raises(InputError, match=rf'bad\.nii\.gz.*{said}'):
        read_subject(TrainingSubject('x', **files | {'labels': labels}), card)


def test_a_damaged_label_image_is_named(card, files, tmp_path):
    labels = tmp_path / 'cut.nii.gz'
    labels.write_bytes(files['labels'].read_bytes()[:-40])
    with pytest.raises(InputError, match=r'cut\.nii\.gz is cut short'):
        read_subject(TrainingSubject('x', **files | {'labels': labels}), card)


def test_inputs_and_classes_that_are_left_out_are_not_seen(card, subject, draw_subject):
    swi, qsm, t2w, brain_mask, truth, affine = draw_subject(0)
    less = restrict(card, ['swi', 'qsm'], ['CMB'])
    cached = cache_subject('one', swi, qsm, t2w, brain_mask, truth, affine, less)
    np.testing.assert_array_equal(cached.prepared.x[:2], subject.prepared.x[:2])
    assert np.isnan(cached.prepared.x[2]).all()
    assert (len(cached.lesions['CMB']), len(cached.lesions['iron'])) == (2, 0)
    assert not cached.target[1].any()
    assert not (cached.truth == 2).any()
