"""A whole run: every file that design and manual promise, on the grid of the SWI."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids import INPUTS
from deepmir_bids.bids.output_files import results_of
from deepmir_bids.bids.run_records import read_participants, read_records
from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.lesions.lesion_table import columns

pytestmark = pytest.mark.slow

#: What a participant with all inputs leaves, the built-in anatomy being used.
EXPECTED = """
sub-01.html
sub-01/anat/sub-01_space-SWI_desc-preproc_T2w.nii.gz .json
sub-01/anat/sub-01_space-SWI_desc-preproc_Chimap.nii.gz .json
sub-01/anat/sub-01_space-SWI_desc-brain_mask.nii.gz .json
sub-01/anat/sub-01_space-SWI_seg-builtin_dseg.nii.gz .json .tsv
sub-01/anat/sub-01_space-SWI_desc-ironarea_mask.nii.gz .json
sub-01/anat/sub-01_space-SWI_label-CMB_desc-deepmir_mask.nii.gz .json
sub-01/anat/sub-01_space-SWI_label-iron_desc-deepmir_mask.nii.gz .json
sub-01/anat/sub-01_space-SWI_seg-deepmir_label-CMB_probseg.nii.gz .json
sub-01/anat/sub-01_space-SWI_seg-deepmir_label-iron_probseg.nii.gz .json
sub-01/anat/sub-01_space-SWI_seg-deepmir_dseg.nii.gz .json .tsv
sub-01/anat/sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.nii.gz .json .tsv
sub-01/anat/sub-01_space-SWI_seg-deepmir_desc-candidates_dseg.nii.gz .json .tsv
sub-01/anat/sub-01_from-SWI_to-MNI152NLin2009aSym_mode-image_xfm.h5
sub-01/anat/sub-01_from-MNI152NLin2009aSym_to-SWI_mode-image_xfm.h5
sub-01/figures/sub-01_space-SWI_desc-brain_mask.png
sub-01/figures/sub-01_space-SWI_desc-template_T2w.png
sub-01/figures/sub-01_space-SWI_desc-nuclei_Chimap.png
dataset_description.json
.bidsignore
README.md
CITATION.md
descriptions.tsv
"""


def expected_files() -> set[str]:
    files = set()
    for line in EXPECTED.strip().splitlines():
        name, *sidecars = line.split()
        files |= {name, *(name.removesuffix('.nii.gz') + end for end in sidecars)}
    return files


@pytest.fixture
def anat(one_run) -> Path:
    return one_run.out_dir / 'sub-01' / 'anat'


def test_the_run_ends_well_and_says_what_it_did(one_run):
    assert one_run.status == 0, one_run.said
    assert '1 of 1 units done' in one_run.said
    assert re.search(r'\d:\d\d  sub-01  running the network: [\d.]+ s', one_run.said)
    assert 'built-in' in one_run.said


def test_the_run_is_on_record(one_run):
    (record,) = read_records(one_run.out_dir)['sub-01']
    assert record.status == 'done'
    assert set(read_participants(one_run.out_dir).columns) == {'age', 'sex'}


def test_exactly_the_promised_files_are_there(one_run):
    out = one_run.out_dir
    found = {str(p.relative_to(out)) for p in out.rglob('*') if p.is_file()}
    logs = {name for name in found if name.startswith('logs/')}
    assert found - logs == expected_files()
    records = {'units.tsv', 'participants.tsv', 'participants.json'}
    assert {Path(name).name for name in logs} == {'deepmir.log', 'settings.toml', *records}


def test_no_temporary_file_is_left(one_run):
    assert one_run.left == []


def test_everything_is_on_the_grid_of_the_swi(one_subject, anat):
    swi = nib.load(one_subject / 'sub-01' / 'anat' / 'sub-01_rec-swi_T2starw.nii.gz')
    images = list(anat.glob('*space-SWI*.nii.gz'))
    assert len(images) == sum(result.extension == '.nii.gz' for result in results_of(INPUTS))
    for path in images:
        image = nib.load(path)
        assert image.shape == swi.shape
        np.testing.assert_array_equal(image.affine, swi.affine)
        np.testing.assert_allclose(image.get_qform(), swi.affine, atol=1e-4)


def test_masks_labels_and_table_are_of_one_mind(anat):
    def read(name):
        return np.asanyarray(nib.load(anat / f'sub-01_space-SWI_{name}.nii.gz').dataobj)

    table = read_tsv(anat / 'sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.tsv')
    lesions = read('seg-deepmir_desc-lesions_dseg')
    classes = read('seg-deepmir_dseg')
    brain = read('desc-brain_mask') > 0
    assert list(table.columns) == list(columns())
    assert len(table) > 0
    assert list(table['index']) == list(range(1, lesions.max() + 1))
    assert not lesions[~brain].any()
    assert not (classes == 2)[read('desc-ironarea_mask') == 0].any()
    for value, name in ((1, 'CMB'), (2, 'iron')):
        mask = read(f'label-{name}_desc-deepmir_mask') > 0
        np.testing.assert_array_equal(mask, classes == value)
        own = table.loc[table['class'] == name, 'index']
        np.testing.assert_array_equal(mask, np.isin(lesions, own))
        probability = read(f'seg-deepmir_label-{name}_probseg')
        for _, row in table[table['class'] == name].iterrows():
            inside = lesions == row['index']
            assert row['probability'] == pytest.approx(probability[inside].max(), abs=1e-3)


def test_every_column_and_every_source_is_described(one_run, anat):
    sidecar = json.loads(
        (anat / 'sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.json').read_text()
    )
    assert set(columns()) <= set(sidecar)
    assert sidecar['InputsUsed'] == ['swi', 'qsm', 't2w']
    swi = 'bids:raw:sub-01/anat/sub-01_rec-swi_T2starw.nii.gz'
    assert sidecar['SpatialReference'] == swi
    assert swi in sidecar['Sources']
    assert (one_run.out_dir / 'logs' / sidecar['Run']).is_dir()
    assert sidecar['Thresholds'].keys() == {'CMB', 'iron'}
    mask = json.loads((anat / 'sub-01_space-SWI_desc-brain_mask.json').read_text())
    assert mask['Registration']


def test_the_validator_finds_no_error(one_run):
    command = Path(sys.executable).with_name('bids-validator-deno')
    done = subprocess.run(
        [command, str(one_run.out_dir), '--format', 'json'], capture_output=True, text=True
    )
    issues = json.loads(done.stdout)['issues']['issues']
    errors = [i for i in issues if i.get('severity', 'error') == 'error']
    assert errors == []
    assert done.returncode == 0


def test_the_page_names_each_lesion_and_its_caution(one_run, anat):
    page = (one_run.out_dir / 'sub-01.html').read_text()
    assert 'Research use only' in page
    for kind in ('lesions', 'candidates'):
        table = read_tsv(anat / f'sub-01_space-SWI_seg-deepmir_desc-{kind}_dseg.tsv')
        assert all(f'>{name}</h4>' in page for name in table['name'])
    # One file: nothing but links to the same figures lies elsewhere.
    assert not re.search(r'(?:src|data)="(?!data:)', page)
    assert len(page) < 15e6


def test_structures_are_measured(anat):
    table = read_tsv(anat / 'sub-01_space-SWI_seg-builtin_dseg.tsv').set_index('name')
    pallidum, white = table.loc['left pallidum'], table.loc['left thalamus']
    assert pallidum['chi_mean_ppm'] > white['chi_mean_ppm']
    assert pallidum['volume_mm3'] > 100


def test_the_results_can_be_evaluated(one_subject, one_run, anat, tmp_path):
    from deepmir_bids.cli.deepmir_evaluate import main

    truth = one_subject / 'derivatives' / 'truth'
    assert main([str(truth), str(one_run.out_dir), '--out', str(tmp_path / 'evaluation')]) == 0
    found = read_tsv(anat / 'sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.tsv')
    judged = read_tsv(tmp_path / 'evaluation' / 'subjects.tsv').set_index('class')['found']
    assert judged.to_dict() == {name: (found['class'] == name).sum() for name in judged.index}
