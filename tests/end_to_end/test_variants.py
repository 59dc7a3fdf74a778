"""One cohort of many kinds of scans, run in one call."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids import INPUTS
from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject
from deepmir_bids.simulation.simulated_subject import reorient

pytestmark = [pytest.mark.slow, pytest.mark.long]


def other_grid(path):
    """Store an image the other way round, without its outer voxels: another grid, one head."""
    image = reorient(nib.load(path), 'LPI').slicer[3:, 4:, 2:]
    values = image.get_fdata(dtype=np.float32)
    nib.save(nib.Nifti1Image(values, image.affine), path)


def two_forms(path):
    """Give an image a qform that is turned from its sform, which is the right one."""
    image = nib.load(path)
    quarter = np.diag([-1.0, -1, 1, 1]) @ image.affine
    image.set_qform(quarter, code=1)
    image.set_sform(image.affine, code=2)
    nib.save(nib.Nifti1Image(image.get_fdata(dtype=np.float32), None, image.header), path)


@pytest.fixture(scope='module')
def cohort(tmp_path_factory, subject):
    root = tmp_path_factory.mktemp('cohort') / 'bids'
    create_dataset(root)

    def add(label, simulated, **how):
        write_subject(root, label, simulated, **how)
        session = f'_ses-{how["session"]}' if 'session' in how else ''
        nib.save(simulated.brain_mask, TRUTH.format(root, label + session))

    add('sessions', subject(11), session='noqsm', inputs=('swi', 't2w'))
    add('sessions', subject(12, axes='LPI'), session='not2w', inputs=('swi', 'qsm'))
    add('noswi', subject(11), inputs=('qsm', 't2w'))
    add('oblique', subject(13, tilt_deg=(12.0, -6.0, 9.0)))
    other_grid(root / 'sub-oblique' / 'anat' / 'sub-oblique_Chimap.nii.gz')
    two_forms(root / 'sub-oblique' / 'anat' / 'sub-oblique_rec-swi_T2starw.nii.gz')
    add('thin', subject(14, voxel_mm=(0.6, 0.6, 2.0), shape=(320, 360, 76)))
    add('cube', subject(15, voxel_mm=(1.0, 1.0, 1.0), shape=(180, 212, 150)))
    return root


@pytest.fixture(scope='module')
def masks(tmp_path_factory, subject):
    """Brain masks as fMRIPrep names them: one in the SWI's world, and one in another."""
    root = tmp_path_factory.mktemp('fmriprep')
    for session, seed, shift in (('noqsm', 11, 0), ('not2w', 12, 300)):
        mask = reorient(subject(seed).brain_mask, 'LPI').slicer[2:, 3:, 1:]
        mask.affine[1, 3] += shift
        label = f'sub-sessions_ses-{session}'
        folder = root.joinpath(*label.split('_'), 'anat')
        folder.mkdir(parents=True)
        for space in ('', '_space-MNI152NLin2009cAsym'):
            nib.save(mask, folder / f'{label}{space}_desc-brain_mask.nii.gz')
    return root


@pytest.fixture(scope='module')
def done(cohort, masks, tmp_path_factory, deepmir):
    given = f'fmriprep={masks}'
    return deepmir(cohort, tmp_path_factory.mktemp('run'), '--sloppy', '--brain-mask-from', given)


#: Where the simulated brains of the cohort are kept.
TRUTH = '{}/../sub-{}_brain.nii.gz'

UNITS = ['sessions_ses-noqsm', 'sessions_ses-not2w', 'oblique', 'thin', 'cube']


def test_the_one_without_swi_is_named_and_the_others_run(done):
    assert done.status == 1
    assert '5 of 6 units done' in done.said
    last = done.said.strip().splitlines()[-1]
    assert last.startswith('skipped: sub-noswi: no SWI found')


@pytest.mark.parametrize('label', UNITS)
def test_masks_lie_over_the_scanners_image(done, cohort, label):
    unit, *session = f'sub-{label}'.split('_')
    raw = cohort.joinpath(unit, *session, 'anat')
    swi = nib.load(next(raw.glob('*_T2starw.nii.gz')))
    out = done.out_dir.joinpath(unit, *session, 'anat')
    brain = nib.load(out / f'sub-{label}_space-SWI_desc-brain_mask.nii.gz')
    assert brain.shape == swi.shape
    np.testing.assert_array_equal(brain.affine, swi.affine)
    mask, true = brain.get_fdata() > 0, nib.load(TRUTH.format(cohort, label)).get_fdata() > 0
    assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.9
    found = read_tsv(out / f'sub-{label}_space-SWI_seg-deepmir_desc-lesions_dseg.tsv')
    assert (found['class'] == 'CMB').any()


@pytest.mark.parametrize(
    ('label', 'used'),
    [
        ('sessions_ses-noqsm', ['swi', 't2w']),
        ('sessions_ses-not2w', ['swi', 'qsm']),
        ('cube', ['swi', 'qsm', 't2w']),
    ],
)
def test_outputs_say_which_inputs_were_used(done, label, used):
    path = done.out_dir.joinpath(*f'sub-{label}'.split('_'), 'anat')
    sidecar = json.loads(
        (path / f'sub-{label}_space-SWI_label-CMB_desc-deepmir_mask.json').read_text()
    )
    assert sidecar['InputsUsed'] == used
    assert sidecar['InputsMissing'] == [name for name in INPUTS if name not in used]
    assert ('qsm' in used) == (path / f'sub-{label}_space-SWI_desc-preproc_Chimap.json').exists()


def test_a_qsm_of_another_grid_comes_to_the_swis(done, subject):
    made = subject(13, tilt_deg=(12.0, -6.0, 9.0))
    anat = done.out_dir / 'sub-oblique' / 'anat'
    chi = nib.load(anat / 'sub-oblique_space-SWI_desc-preproc_Chimap.nii.gz')
    np.testing.assert_array_equal(chi.affine, made.swi.affine)
    inner = np.s_[6:-6, 6:-6, 6:-6]
    # Each grid's place is rounded by a hundredth of a mm, which tells where a map is steep.
    np.testing.assert_allclose(
        chi.get_fdata()[inner], made.qsm.get_fdata()[inner], rtol=5e-3, atol=1e-3
    )


def test_itk_sees_each_result_where_nibabel_sees_it(done, apart_in_itk):
    images = [*done.out_dir.rglob('*.nii.gz')]
    assert len(images) > 50
    assert max(map(apart_in_itk, images)) < 0.01
    headers = [nib.load(path).header for path in images]
    assert all(header['qform_code'] == header['sform_code'] == 1 for header in headers)


def test_a_given_mask_is_used_if_it_lies_on_the_swi(done, subject):
    def said(session: str, ending: str) -> dict:
        label = f'sub-sessions_ses-{session}'
        folder = done.out_dir.joinpath(*label.split('_'), 'anat')
        return json.loads((folder / f'{label}_space-SWI_{ending}.json').read_text())

    used, unused = (said(name, 'seg-deepmir_desc-lesions_dseg') for name in ('noqsm', 'not2w'))
    assert 'brain mask was given' in used['Description'].replace('\n', ' ')
    assert 'mask is the template’s' in unused['Description'].replace('\n', ' ')
    (note,) = [note for note in unused['Notes'] if 'brain mask was left out' in note]
    assert 'field of view of the SWI; the template gives one' in note
    assert said('not2w', 'desc-brain_mask')['Quality']['Flags'] == ['mask_unfit']
    assert {'Input': 'brain_mask', 'Verdict': 'taken'}.items() <= used['InputCandidates'][
        -1
    ].items()
