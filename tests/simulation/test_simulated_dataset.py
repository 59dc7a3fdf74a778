"""Simulated subjects on disk."""

import json
import subprocess
import sys
from dataclasses import replace
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
    write_subject(root, '03', with_echoes(sloppy, (0.02,)), inputs=())
    write_subject(root, '04', with_echoes(sloppy, (0.01, 0.02)), inputs=())
    return root


def with_echoes(subject, times_s):
    """The subject with raw images that hold 0.5 exp(i pi / 4) everywhere, and a susceptibility."""
    even = np.ones(subject.swi.shape, dtype=np.float32)
    echo = nib.Nifti1Image(even * np.complex64(0.5 * np.exp(0.25j * np.pi)), subject.swi.affine)
    chi = nib.Nifti1Image(0.1 * even, subject.swi.affine)
    return replace(subject, echoes=dict.fromkeys(times_s, echo), chi=chi)


def test_files(dataset):
    images = sorted(p.relative_to(dataset).as_posix() for p in dataset.glob('sub-*/**/*.nii.gz'))
    assert images == [
        'sub-01/anat/sub-01_Chimap.nii.gz',
        'sub-01/anat/sub-01_T2w.nii.gz',
        'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz',
        'sub-02/ses-a/anat/sub-02_ses-a_T2w.nii.gz',
        'sub-02/ses-a/anat/sub-02_ses-a_rec-swi_T2starw.nii.gz',
        'sub-02/ses-b/anat/sub-02_ses-b_rec-swi_T2starw.nii.gz',
        'sub-03/anat/sub-03_part-mag_T2starw.nii.gz',
        'sub-03/anat/sub-03_part-phase_T2starw.nii.gz',
        'sub-04/anat/sub-04_echo-1_part-mag_MEGRE.nii.gz',
        'sub-04/anat/sub-04_echo-1_part-phase_MEGRE.nii.gz',
        'sub-04/anat/sub-04_echo-2_part-mag_MEGRE.nii.gz',
        'sub-04/anat/sub-04_echo-2_part-phase_MEGRE.nii.gz',
    ]
    participants = pd.read_csv(dataset / 'participants.tsv', sep='\t')
    assert participants['participant_id'].tolist() == [f'sub-0{i}' for i in (1, 2, 3, 4)]


def test_sidecars(dataset, sloppy):
    scan = json.loads((dataset / 'sub-01/anat/sub-01_rec-swi_T2starw.json').read_text())
    assert scan['EchoTime'] == sloppy.acquisition.echo_time_s
    assert scan['MagneticFieldStrength'] == 3.0
    assert json.loads((dataset / 'sub-01/anat/sub-01_Chimap.json').read_text())['Units'] == 'ppm'


def test_pairs_of_magnitude_and_phase(dataset):
    stem = dataset / 'sub-04/anat/sub-04_echo-2_part-'
    for part, value in (('mag', 500), ('phase', 1024)):
        image = nib.load(f'{stem}{part}_MEGRE.nii.gz')
        assert image.get_data_dtype() == np.int16
        assert (np.asarray(image.dataobj) == value).all()
        scan = json.loads(Path(f'{stem}{part}_MEGRE.json').read_text())
        assert (scan['EchoTime'], scan['MagneticFieldStrength']) == (0.02, 3.0)
    assert scan['Units'] == 'arbitrary'
    chi = dataset / 'derivatives/truth/sub-04/anat/sub-04_space-SWI_desc-truth_Chimap.nii.gz'
    np.testing.assert_allclose(nib.load(chi).get_fdata(), 0.1, rtol=1e-6)


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
