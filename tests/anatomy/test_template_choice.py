"""Which anatomy a run gets: from the cache, built in, or the user's atlas."""

import shutil
import time

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.anatomy import templateflow_files
from deepmir_bids.anatomy.atlas_file import check_atlas
from deepmir_bids.anatomy.brain_regions import regions_of
from deepmir_bids.anatomy.template_choice import check_template, find_anatomy, find_sources
from deepmir_bids.errors import UsageError

TEMPLATE = 'MNI152NLin2009cAsym'
FOLDER = f'templateflow/tpl-{TEMPLATE}'


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A home for TemplateFlow that is empty, and a server that does not answer."""
    monkeypatch.setenv('TEMPLATEFLOW_HOME', str(tmp_path / 'home'))
    monkeypatch.setattr(templateflow_files, '_server_answers', lambda: False)
    return tmp_path / 'home'


@pytest.mark.slow
def test_without_template_and_network_the_built_in_anatomy_is_used(offline, tmp_path):
    found = find_anatomy(TEMPLATE, 'HOSPA', tmp_path / 'cache')
    assert (found.name, found.atlas) == ('MNI152NLin2009aSym', 'builtin')
    assert 'TemplateFlow does not answer' in found.note
    labels = nib.load(found.labels)
    mask = nib.load(found.brain_mask)
    assert labels.header.get_zooms() == (1, 1, 1)
    assert set(np.unique(labels.dataobj)) - {0} == {s.index for s in found.structures}
    assert mask.shape == nib.load(found.template_brain).shape
    assert all(fixed.path.is_file() for fixed in found.fixed)
    assert not offline.exists()  # nothing is written into TemplateFlow's home

    started = time.perf_counter()
    assert find_anatomy(TEMPLATE, 'HOSPA', tmp_path / 'cache') == found
    assert time.perf_counter() - started < 2
    assert [path.name for path in (tmp_path / 'cache').iterdir()] == [found.labels.parent.name]
    # All but the structures is known before anything is drawn.
    sources = find_sources(TEMPLATE, 'HOSPA')
    assert sources.anatomy_in(found.labels.parent, found.structures) == found


def test_a_mistyped_template_is_an_error(offline, tmp_path):
    for name in ('MNI152NLin2009cAsim', 'mni152nlin2009casym'):
        with pytest.raises(UsageError, match=f'{name} is not in TemplateFlow: .*{TEMPLATE}'):
            find_anatomy(name, 'HOSPA', tmp_path / 'cache')
    assert not (tmp_path / 'cache').exists()
    assert not offline.exists()
    check_template(TEMPLATE)
    check_template('MNI152NLin2009aSym')


def test_a_template_of_ones_own_is_known_by_its_files(offline):
    file = offline / 'tpl-Lab' / 'tpl-Lab_res-01_T1w.nii.gz'
    file.parent.mkdir(parents=True)
    file.touch()
    with pytest.raises(UsageError, match=r'the names are .*MNI152NLin2009aSym'):
        check_template('Lab')
    file.write_bytes(b'1')
    check_template('Lab')
    with pytest.raises(UsageError, match='did you mean Lab'):
        check_template('Lap')


@pytest.mark.parametrize(
    ('shape', 'table', 'match'),
    [
        ((4, 4, 4), None, 'a.nii needs a table of its labels'),
        ((4, 4, 4, 2), 'index\tname\n1\ta\n', 'a.nii is not a 3D label image'),
        ((4, 4, 4), 'index\tname\n2\ta\n', 'a.nii holds none of the labels in a.tsv'),
        ((4, 4, 4), 'index\n1\n', 'a.tsv has no column name'),
        (None, 'index\tname\n1\ta\n', 'cannot be used'),
    ],
)
def test_an_atlas_that_cannot_be_used(offline, tmp_path, shape, table, match):
    if shape:
        nib.save(nib.Nifti1Image(np.ones(shape, np.uint8), np.eye(4)), tmp_path / 'a.nii')
    else:
        (tmp_path / 'a.nii').write_bytes(b'no image')
    if table:
        (tmp_path / 'a.tsv').write_text(table)
    with pytest.raises(UsageError, match=match):
        check_atlas(tmp_path / 'a.nii', tmp_path / 'a.tsv' if table else None)


def test_a_silent_server_costs_seconds(monkeypatch):
    import requests

    monkeypatch.setattr(templateflow_files, 'ANSWER_S', 0.2)
    monkeypatch.setattr(requests, 'head', lambda *_, **__: time.sleep(3))
    started = time.perf_counter()
    assert not templateflow_files._server_answers()
    assert time.perf_counter() - started < 1


def test_empty_and_truncated_files_are_not_files(offline):
    folder = offline / f'tpl-{TEMPLATE}'
    folder.mkdir(parents=True)
    whole = folder / f'tpl-{TEMPLATE}_res-02_desc-brain_mask.nii.gz'
    nib.save(nib.Nifti1Image(np.zeros((20, 20, 20), np.uint8), np.eye(4)), whole)
    (folder / f'tpl-{TEMPLATE}_res-02_T1w.nii.gz').touch()
    cut = folder / f'tpl-{TEMPLATE}_res-02_desc-brain_T1w.nii.gz'
    cut.write_bytes(whole.read_bytes()[:-20])
    found, lacking = templateflow_files.template_files(TEMPLATE, templateflow_files.REQUIRED)
    assert found == {'brain mask': whole}
    assert lacking.endswith('lacks t1w head, t1w brain')


@pytest.mark.shared
@pytest.mark.slow
def test_templateflow_copy_is_used(shared, offline, tmp_path):
    shutil.copytree(shared / FOLDER, offline / f'tpl-{TEMPLATE}')
    found = find_anatomy(TEMPLATE, 'HOSPA', tmp_path / 'cache')
    assert (found.name, found.atlas, found.note) == (TEMPLATE, 'HOSPA', '')
    labels = np.asarray(nib.load(found.labels).dataobj)
    brain = nib.load(found.brain_mask).get_fdata() > 0.5
    assert (labels[brain] > 0).all()
    assert set(np.unique(regions_of(labels, found.structures)[brain])) == {1, 2, 3}
    by_name = {s.name: s for s in found.structures}
    for name in ('left substantia nigra', 'right dentate', 'left temporal lobe'):
        assert (labels == by_name[name].index).any()


@pytest.mark.shared
@pytest.mark.slow
def test_an_atlas_of_the_user(shared, offline, tmp_path):
    shutil.copytree(shared / FOLDER, offline / f'tpl-{TEMPLATE}')
    name = 'tpl-MNI152NLin2009cAsym_res-02_atlas-CIT168_desc-th25_dseg.nii.gz'
    found = find_anatomy(
        TEMPLATE,
        'CIT168',
        tmp_path / 'cache',
        atlas_file=shared / 'atlas_cit168' / name,
        atlas_labels=shared / 'atlas_cit168/tpl-MNI152NLin2009cAsym_atlas-CIT168_dseg.tsv',
    )
    assert (found.name, found.atlas) == (TEMPLATE, 'CIT168')
    by_name = {s.name: s for s in found.structures}
    assert by_name['left Putamen'].index == 1
    assert by_name['left Putamen'].region == 'deep'
    assert by_name['right Red Nucleus'].region == 'infratentorial'
    assert 'left putamen' not in by_name
    assert by_name['left Globus Pallidus externa'].kind == 'pallidum'
    assert by_name['left Hypothalamus'].kind == by_name['left Ventral Pallidum'].kind == ''
    assert 'left thalamus' in by_name  # CIT168 has none
    table = (found.labels.parent / 'dseg.tsv').read_text().splitlines()
    assert table[0].split('\t') == ['index', 'name', 'kind', 'region']
    assert '27\tleft Hypothalamus\tn/a\tdeep' in table
