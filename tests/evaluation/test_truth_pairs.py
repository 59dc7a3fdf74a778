"""What is wrong with a truth or a prediction is said before anything is counted."""

import json

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.evaluation.froc import find_candidates
from deepmir_bids.evaluation.truth_pairs import find_pairs, read_case

CLASS_MAP = 'sub-01/anat/sub-01_space-SWI_desc-truth_dseg.nii.gz'


def read_first(datasets):
    return read_case(find_pairs(*datasets)[0])


def change(path, affine=None, data=None):
    image = nib.Nifti1Image.from_filename(path)
    data = np.asarray(image.dataobj) if data is None else data
    nib.Nifti1Image(data, image.affine if affine is None else affine).to_filename(path)


def test_pairs_are_found_by_unit(datasets):
    pairs = find_pairs(*datasets)
    assert [pair.label for pair in pairs] == ['sub-01', 'sub-02_ses-1', 'sub-03']
    assert pairs[1].truth.name == 'sub-02_ses-1_space-SWI_desc-truth_dseg.nii.gz'
    assert pairs[1].results.files['class_map'].name.endswith('_seg-deepmir_dseg.nii.gz')


def test_a_prediction_without_truth_is_passed_over(datasets):
    truth, prediction = datasets
    (truth / CLASS_MAP).unlink()
    assert [pair.label for pair in find_pairs(truth, prediction)] == ['sub-02_ses-1', 'sub-03']


def test_missing_unit(datasets):
    truth, prediction = datasets
    (prediction / 'sub-03').rename(prediction / 'sub-04')
    with pytest.raises(UsageError, match='no results of sub-03'):
        find_pairs(truth, prediction)


def test_incomplete_results(datasets):
    truth, prediction = datasets
    name = 'sub-01_space-SWI_seg-deepmir_label-CMB_probseg.nii.gz'
    (prediction / 'sub-01' / 'anat' / name).unlink()
    with pytest.raises(InputError, match=name):
        find_pairs(truth, prediction)


def test_two_class_maps_of_a_unit(datasets):
    truth, prediction = datasets
    path = truth / CLASS_MAP
    path.with_name(path.name.replace('desc-truth', 'desc-second')).write_bytes(path.read_bytes())
    with pytest.raises(UsageError, match='two class maps of sub-01'):
        find_pairs(truth, prediction)


def test_no_folder_and_no_class_map(datasets, tmp_path):
    truth, prediction = datasets
    with pytest.raises(UsageError, match='is not a folder'):
        find_pairs(truth, tmp_path / 'nothing')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UsageError, match='has no class map'):
        find_pairs(tmp_path / 'empty', prediction)


def test_another_grid(datasets):
    path = datasets[0] / CLASS_MAP
    change(path, affine=nib.Nifti1Image.from_filename(path).affine + 0.1 * np.eye(4, k=3))
    with pytest.raises(InputError, match='not on the grid'):
        read_first(datasets)
    change(path, data=np.zeros((10, 10, 10), dtype=np.uint8))
    with pytest.raises(InputError, match='not on the grid'):
        read_first(datasets)


def test_damaged_image_and_unknown_label(datasets):
    path = datasets[0] / CLASS_MAP
    change(path, data=np.full((60, 40, 24), 3, dtype=np.uint8))
    with pytest.raises(InputError, match='values other than'):
        read_first(datasets)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match='damaged'):
        read_first(datasets)


def test_sidecar_without_the_outline(datasets):
    name = 'sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.json'
    (datasets[1] / 'sub-01' / 'anat' / name).write_text(json.dumps({'MinimumVolume': 0}))
    with pytest.raises(InputError, match='lacks Thresholds'):
        read_first(datasets)


def test_iron_counts_in_and_around_the_basal_ganglia_only(datasets):
    case = read_first(datasets)
    assert case.iron_area[10:22].all()  # the putamen, and 2 mm of cortex
    assert not case.iron_area[22:].any()
    names = [one.name for one in find_candidates(case).lesions]
    assert names.count('iron') == 2  # the probability in the cortex is none
    assert names.count('CMB') == 4
