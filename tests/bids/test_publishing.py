"""Results appear whole, and never from two runs."""

from __future__ import annotations

import pytest

from deepmir_bids.bids.publishing import publish


@pytest.fixture
def stage(tmp_path):
    """Return a function that makes files of a run, each in a node's folder of its own."""

    def make(run, *names):
        paths = []
        for node, name in enumerate(names):
            # A folder above that looks like a participant must not confuse anyone.
            path = tmp_path / 'sub-study' / run / str(node) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(run)
            paths.append(path)
        return paths

    return make


MASK = 'sub-01/anat/sub-01_acq-x_space-SWI_label-CMB_desc-deepmir_mask.nii.gz'
TABLE = 'sub-01/anat/sub-01_acq-x_space-SWI_seg-deepmir_desc-lesions_dseg.tsv'
CHI = 'sub-01/anat/sub-01_space-SWI_desc-preproc_Chimap.nii.gz'
SIDECAR = 'sub-01/anat/sub-01_space-SWI_desc-preproc_Chimap.json'
XFM = 'sub-01/anat/sub-01_from-SWI_to-MNI_mode-image_xfm.h5'
FIGURE = 'sub-01/figures/sub-01_space-SWI_desc-brain_mask.png'
OTHER = 'sub-01/ses-a/anat/sub-01_ses-a_space-SWI_desc-brain_mask.nii.gz'


def contents(out):
    return {str(p.relative_to(out)): p.read_text() for p in out.rglob('*') if p.is_file()}


def test_a_second_run_replaces_all_of_the_first(tmp_path, stage):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE, CHI, SIDECAR, XFM, FIGURE, 'sub-01.html'), out, 'sub-01')
    publish(stage('one', OTHER), out, 'sub-01_ses-a')
    publish(stage('two', MASK, TABLE), out, 'sub-01')
    assert contents(out) == {MASK: 'two', TABLE: 'two', OTHER: 'one'}


def test_what_another_tool_left_beside_is_never_deleted(tmp_path, stage):
    out = tmp_path / 'out'
    theirs = {
        f'sub-01/anat/sub-01_{name}': 'theirs'
        for name in (
            'desc-preproc_T1w.nii.gz',
            'desc-preproc_T1w.json',
            'Chimap.nii.gz',
            'desc-brain_mask.nii.gz',
            'from-T1w_to-MNI_mode-image_xfm.h5',
        )
    } | {'sub-01/figures/sub-01_desc-sdc_bold.svg': 'theirs'}
    for name, content in theirs.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(content)
    publish(stage('one', MASK, TABLE, FIGURE), out, 'sub-01')
    publish(stage('two', MASK), out, 'sub-01')
    assert contents(out) == {**theirs, MASK: 'two'}


def test_a_second_run_keeps_the_review_of_a_reader(tmp_path, stage):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE), out, 'sub-01')
    review = out / 'sub-01/anat/sub-01_desc-review_dseg.tsv'
    review.write_text('hours of work')
    publish(stage('two', MASK), out, 'sub-01')
    assert contents(out) == {MASK: 'two', str(review.relative_to(out)): 'hours of work'}


def test_a_full_disk_leaves_the_earlier_results(tmp_path, stage, monkeypatch):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE), out, 'sub-01')
    copied = []

    def copy_one_then_fail(source, target):
        if copied:
            raise OSError(28, 'No space left on device')
        copied.append(target.write_bytes(source.read_bytes()))

    monkeypatch.setattr('shutil.copyfile', copy_one_then_fail)
    with pytest.raises(OSError, match='No space left'):
        publish(stage('two', MASK, TABLE), out, 'sub-01')
    assert contents(out) == {MASK: 'one', TABLE: 'one'}


def test_a_run_killed_while_renaming_leaves_no_mixture(tmp_path, stage, monkeypatch):
    out = tmp_path / 'out'
    publish(stage('one', MASK, TABLE), out, 'sub-01')

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('os.replace', killed)
    with pytest.raises(KeyboardInterrupt):
        publish(stage('two', MASK, TABLE), out, 'sub-01')
    assert contents(out) == {}
