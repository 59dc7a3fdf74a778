"""Names of the outputs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.interfaces.derivatives_sink import name_files


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'x.nii'
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), dtype=np.uint8), np.eye(4)), path)
    return path


@pytest.mark.parametrize(
    ('source', 'entities', 'name'),
    [
        (
            'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz',
            {'label': 'CMB', 'desc': 'deepmir', 'suffix': 'mask'},
            'sub-01/anat/sub-01_space-SWI_label-CMB_desc-deepmir_mask',
        ),
        (
            'sub-01/ses-2/swi/sub-01_ses-2_acq-a_run-1_swi.nii.gz',
            {'segmentation': 'deepmir', 'desc': 'lesions', 'suffix': 'dseg'},
            'sub-01/ses-2/anat/sub-01_ses-2_acq-a_run-1_space-SWI_seg-deepmir_desc-lesions_dseg',
        ),
        (
            'sub-01/anat/sub-01_part-mag_T2starw.nii.gz',
            {'desc': 'preproc', 'suffix': 'Chimap'},
            'sub-01/anat/sub-01_space-SWI_desc-preproc_Chimap',
        ),
        (
            'sub-01/anat/sub-01_T2starw.nii.gz',
            {'segmentation': 'deepmir', 'label': 'iron', 'suffix': 'probseg'},
            'sub-01/anat/sub-01_space-SWI_seg-deepmir_label-iron_probseg',
        ),
    ],
)
def test_names_follow_the_specification(tmp_path, image, source, entities, name):
    sidecar = {'SpatialReference': 'bids:raw:x'}
    (image_file, json_file) = name_files(
        [(str(image), {'space': 'SWI', **entities}, sidecar)], f'/data/{source}', tmp_path
    )
    assert image_file == str(tmp_path / f'{name}.nii.gz')
    assert json.loads(Path(json_file).read_text()) == sidecar


def test_an_image_of_an_earlier_run_is_stored_as_a_new_one(tmp_path, image):
    """Whatever level it was compressed with: results are compared by their bytes."""
    zipped = tmp_path / 'x.nii.gz'
    zipped.write_bytes(gzip.compress(image.read_bytes(), 9))
    source, entities = '/data/sub-01/anat/sub-01_T2starw.nii.gz', {'desc': 'a', 'suffix': 'mask'}
    stored = []
    for name, path in (('new', image), ('old', zipped)):
        (tmp_path / name).mkdir()
        (file,) = name_files([(str(path), entities, {})], source, tmp_path / name)
        stored.append(Path(file).read_bytes())
    assert stored[0] == stored[1]
    assert gzip.decompress(stored[0]) == image.read_bytes()
