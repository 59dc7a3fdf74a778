"""Simulated subjects on disk."""

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids.errors import UsageError
from deepmir_bids.simulation.simulated_dataset import (
    create_dataset,
    simulate_dataset,
    write_subject,
)


@pytest.fixture(scope='module')
def dataset(tmp_path_factory, sloppy):
    root = tmp_path_factory.mktemp('bids')
    create_dataset(root)
    write_subject(root, '01', sloppy)
    write_subject(root, '02', sloppy, session='a', inputs=('swi', 't2w'))
    write_subject(root, '02', sloppy, session='b', inputs=('swi',))
    return root


def test_files(dataset):
    images = sorted(p.relative_to(dataset).as_posix() for p in dataset.glob('sub-*/**/*.nii.gz'))
    assert images == [
        'sub-01/anat/sub-01_Chimap.nii.gz',
        'sub-01/anat/sub-01_T2w.nii.gz',
        'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz',
        'sub-02/ses-a/anat/sub-02_ses-a_T2w.nii.gz',
        'sub-02/ses-a/anat/sub-02_ses-a_rec-swi_T2starw.nii.gz',
        'sub-02/ses-b/anat/sub-02_ses-b_rec-swi_T2starw.nii.gz',
    ]
    participants = pd.read_csv(dataset / 'participants.tsv', sep='\t')
    assert participants['participant_id'].tolist() == ['sub-01', 'sub-02']


def test_sidecars(dataset, sloppy):
    scan = json.loads((dataset / 'sub-01/anat/sub-01_rec-swi_T2starw.json').read_text())
    assert scan['EchoTime'] == sloppy.acquisition.echo_time_s
    assert scan['MagneticFieldStrength'] == 3.0
    assert json.loads((dataset / 'sub-01/anat/sub-01_Chimap.json').read_text())['Units'] == 'ppm'


def test_truth_lies_over_the_swi(dataset):
    stem = dataset / 'derivatives/truth/sub-01/anat/sub-01_space-SWI_desc-'
    truth = nib.load(f'{stem}truth_dseg.nii.gz')
    lesions = nib.load(f'{stem}lesions_dseg.nii.gz')
    swi = nib.load(dataset / 'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz')
    assert truth.shape == swi.shape
    np.testing.assert_allclose(truth.affine, swi.affine, atol=1e-5)
    table = pd.read_csv(f'{stem}lesions_dseg.tsv', sep='\t')
    assert set(np.unique(lesions.dataobj)) - {0} == set(table.loc[table['visible'], 'index'])
    described = json.loads(Path(f'{stem}lesions_dseg.json').read_text())
    assert described['SpatialReference'].startswith('bids:raw:sub-01/')


@pytest.mark.parametrize('folder', ['.', 'derivatives/truth'])
def test_validator_finds_no_error(dataset, folder):
    validator = Path(sys.executable).with_name('bids-validator-deno')
    run = subprocess.run(
        [validator, '--json', str(dataset / folder)], capture_output=True, text=True, check=False
    )
    issues = json.loads(run.stdout)['issues']['issues']
    assert [i for i in issues if i['severity'] == 'error'] == []


def test_folder_in_use(tmp_path):
    (tmp_path / 'mine.txt').write_text('precious')
    with pytest.raises(UsageError, match='not an empty folder'):
        next(simulate_dataset(tmp_path, 1, 0))
    assert [p.name for p in tmp_path.iterdir()] == ['mine.txt']
