"""A real head: the nuclei land where an independent registration of its T1w puts them."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.anatomy.ants_images import load_ants, read_ants
from deepmir_bids.anatomy.apply_transforms import apply_transform
from deepmir_bids.anatomy.atlas_structures import read_structures
from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.data import load as load_data

pytestmark = [pytest.mark.slow, pytest.mark.shared]

NUCLEI = ('pallidum', 'putamen', 'caudate', 'thalamus')


@pytest.fixture(scope='module')
def head(shared):
    return shared / 'real_bids'


@pytest.fixture(scope='module')
def run(head, shared, tmp_path_factory, deepmir):
    """Return a function that runs the head with or without the template's files."""

    def with_template(has_template: bool):
        folder = tmp_path_factory.mktemp('real')
        templates = folder / 'templateflow'
        if has_template:
            shutil.copytree(shared / 'templateflow', templates)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('TEMPLATEFLOW_HOME', str(templates))
            given = f'qsm={head / "derivatives" / "qsm"}'
            return deepmir(head, folder, '--derivatives', given)

    return with_template


@pytest.fixture(scope='module')
def with_template(run):
    return run(True)


@pytest.fixture(scope='module')
def without_template(run):
    return run(False)


@pytest.fixture(scope='module')
def reference(head, shared, tmp_path_factory):
    """Mask of each nucleus on the grid of the T2starw, by another way: from the T1w, with SyN."""
    ants = load_ants()
    folder = shared / 'templateflow' / 'tpl-MNI152NLin2009cAsym'
    template = 'tpl-MNI152NLin2009cAsym_res-02'
    t1w = ants.n4_bias_field_correction(
        read_ants(head / 'sub-01' / 'anat' / 'sub-01_T1w.nii.gz'), shrink_factor=3
    )
    registration = ants.registration(
        read_ants(folder / f'{template}_T1w.nii.gz'),
        t1w,
        type_of_transform='SyN',
        syn_metric='CC',
        syn_sampling=2,
        reg_iterations=(30, 20, 5),
        outprefix=str(tmp_path_factory.mktemp('reference') / 'x'),
        write_composite_transform=True,
    )
    grid = nib.load(head / 'sub-01' / 'anat' / 'sub-01_T2starw.nii.gz')
    atlas = nib.load(folder / f'{template}_atlas-HOSPA_desc-th25_dseg.nii.gz')
    labels = apply_transform(
        atlas, registration['invtransforms'], grid.shape, grid.affine, 'nearest'
    )
    names = read_structures(load_data('atlases', 'atlas-HOSPA_dseg.tsv'))
    return {
        kind: np.isin(np.rint(labels), [s.index for s in names if s.kind == kind])
        for kind in NUCLEI
    }


def nuclei_of(done):
    """Mask of each structure, both sides together, and the QSM."""
    anat = done.out_dir / 'sub-01' / 'anat'
    image = next(p for p in anat.glob('*_seg-*_dseg.nii.gz') if 'seg-deepmir' not in p.name)
    labels = np.asanyarray(nib.load(image).dataobj)
    table = read_tsv(image.with_name(image.name.replace('.nii.gz', '.tsv')))
    kinds = table['name'].str.replace('left ', '').str.replace('right ', '')
    masks = {kind: np.isin(labels, table.loc[kinds == kind, 'index']) for kind in set(kinds)}
    chi = nib.load(anat / 'sub-01_space-SWI_desc-preproc_Chimap.nii.gz').get_fdata()
    return masks, chi


def brain_ml(done):
    mask = nib.load(done.out_dir / 'sub-01/anat/sub-01_space-SWI_desc-brain_mask.nii.gz')
    return (mask.get_fdata() > 0).sum() * abs(np.linalg.det(mask.affine[:3, :3])) / 1000


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def check(done, reference, least, record_property):
    assert done.status == 0, done.said
    assert 'stands in for the SWI' in done.said
    masks, chi = nuclei_of(done)
    white = masks['deep white matter']
    mean = {kind: float(chi[masks[kind]].mean()) for kind in NUCLEI}
    assert mean['pallidum'] > mean['putamen'] > mean['thalamus'] > chi[white].mean()
    assert 1150 < brain_ml(done) < 1650
    record_property('brain_ml', str(brain_ml(done)))
    record_property('mean_chi_ppm', str(mean))
    reached = {kind: float(dice(masks[kind], reference[kind])) for kind in least}
    record_property('dice', str(reached))
    assert all(reached[kind] >= least[kind] for kind in least), reached


def test_with_the_template(with_template, reference, record_property):
    least = {'putamen': 0.65, 'pallidum': 0.65, 'caudate': 0.60}
    check(with_template, reference, least, record_property)
    assert list(with_template.out_dir.rglob('*_from-SWI_to-MNI152NLin2009cAsym_*.h5'))


def test_the_built_in_anatomy_says_so_and_is_nearly_as_good(
    without_template, reference, record_property
):
    least = dict.fromkeys(('putamen', 'pallidum', 'caudate'), 0.55)
    check(without_template, reference, least, record_property)
    assert 'built-in MNI152NLin2009aSym is used instead' in without_template.said


def test_a_head_without_known_lesion_has_hardly_a_microbleed(
    with_template, without_template, record_property
):
    """The network saw nothing but the simulator."""
    counts = {}
    for name, done in {'template': with_template, 'built in': without_template}.items():
        (path,) = (done.out_dir / 'sub-01' / 'anat').glob('*_desc-lesions_dseg.tsv')
        counts[name] = int((read_tsv(path)['class'] == 'CMB').sum())
    record_property('cmb', str(counts))
    assert max(counts.values()) <= 2, counts


def test_masks_are_on_the_grid_of_the_stand_in(with_template, head):
    grid = nib.load(head / 'sub-01' / 'anat' / 'sub-01_T2starw.nii.gz')
    masks = list((with_template.out_dir / 'sub-01' / 'anat').glob('*_mask.nii.gz'))
    assert len(masks) >= 3
    for path in masks:
        mask = nib.load(path)
        assert mask.shape == grid.shape
        np.testing.assert_array_equal(mask.affine, grid.affine)
