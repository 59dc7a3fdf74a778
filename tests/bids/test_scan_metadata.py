"""Sidecars are inherited from the folders above."""

import json

import pytest

from deepmir_bids.bids.scan_metadata import read_metadata
from deepmir_bids.errors import InputError


def test_nearer_sidecars_count_more(tmp_path):
    image = tmp_path / 'sub-01' / 'anat' / 'sub-01_acq-a_T2starw.nii.gz'
    image.parent.mkdir(parents=True)
    for path, content in {
        'T2starw.json': {'EchoTime': 1, 'MagneticFieldStrength': 3},
        'acq-a_T2starw.json': {'EchoTime': 2},
        'acq-b_T2starw.json': {'EchoTime': 9},
        'T2w.json': {'EchoTime': 8},
        'sub-01/anat/sub-01_acq-a_T2starw.json': {'Manufacturer': 'X'},
        'sub-01/anat/sub-01_acq-a_echo-1_T2starw.json': {'EchoTime': 7},
    }.items():
        (tmp_path / path).write_text(json.dumps(content))
    expected = {'EchoTime': 2, 'MagneticFieldStrength': 3, 'Manufacturer': 'X'}
    assert read_metadata(image, tmp_path) == expected


def test_a_damaged_sidecar_is_named(tmp_path):
    (tmp_path / 'T2starw.json').write_text('{')
    with pytest.raises(InputError, match=r'T2starw\.json'):
        read_metadata(tmp_path / 'sub-01' / 'anat' / 'sub-01_T2starw.nii.gz', tmp_path)
