"""What is done is not done again, and a killed run leaves nothing half."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.finished_results import find_files
from deepmir_bids.bids.tsv import read_tsv, write_tsv
from deepmir_bids.lesions.reader_review import SAVED, reviewed_rows

pytestmark = pytest.mark.slow


def when_done(work_dir) -> dict[str, int]:
    """Time at which each step of the unit was last finished."""
    return {
        path.stem.removeprefix('result_'): path.stat().st_mtime_ns
        for path in work_dir.rglob('result_*.pklz')
    }


@pytest.fixture(scope='module')
def resumed(one_subject, tmp_path_factory, deepmir):
    """A run that was killed after the registration, what it had done then, and the run after."""
    folder = tmp_path_factory.mktemp('killed')
    command = [sys.executable, '-m', 'deepmir_bids.cli.deepmir', str(one_subject)]
    command += [str(folder / 'out'), 'participant', '--work-dir', str(folder / 'work')]
    process = subprocess.Popen([*command, '--sloppy'], start_new_session=True)
    deadline = time.monotonic() + 120
    while 'label_swi' not in when_done(folder / 'work') and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    half = [path for path in (folder / 'out').rglob('sub-*') if path.is_file()]
    before = when_done(folder / 'work')
    return half, before, deepmir(one_subject, folder, '--sloppy')


def test_a_killed_run_is_taken_up_where_it_was(resumed):
    half, before, again = resumed
    assert half == []
    assert again.status == 0, again.said
    after = when_done(again.work_dir)
    assert before['register'] == after['register']
    assert 'publish' in after
    assert (again.out_dir / 'sub-01.html').is_file()
    # Nothing is left of what was killed.
    assert [path.name for path in again.out_dir.glob('.*')] == ['.bidsignore']
    assert not list(again.work_dir.glob('.*'))


def test_only_what_follows_the_network_runs_again_for_a_threshold(one_subject, resumed, deepmir):
    first = resumed[-1]
    before = when_done(first.work_dir)
    name = 'sub-01/anat/sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.tsv'
    all_lesions = read_tsv(first.out_dir / name)
    folder = first.out_dir.parent
    again = deepmir(one_subject, folder, '--sloppy', '--threshold-cmb', '0.97')
    assert again.status == 0, again.said
    after = when_done(again.work_dir)
    kept = {step for step in before if before[step] == after[step]}
    assert {'load_swi', 'correct_t2w', 'align_t2w', 'register', 'label_swi', 'predict'} <= kept
    assert not kept & {'find', 'measure', 'lesion_pieces', 'publish'}
    assert len(read_tsv(again.out_dir / name)) < len(all_lesions)


def test_reports_only_makes_the_page_again_and_nothing_else(
    one_subject, one_run, tmp_path, deepmir
):
    """Without the work folder of the first run: the results are enough."""
    folder = tmp_path / 'copy'
    shutil.copytree(one_run.out_dir, folder / 'out')
    page = folder / 'out' / 'sub-01.html'
    whole = page.read_text()
    page.unlink()
    masks = {p: p.stat().st_mtime_ns for p in (folder / 'out' / 'sub-01' / 'anat').iterdir()}
    done = deepmir(one_subject, folder, '--reports-only')
    assert done.status == 0, done.said
    assert page.read_text() == whole
    assert {p: p.stat().st_mtime_ns for p in (folder / 'out/sub-01/anat').iterdir()} == masks
    assert 'running the network' not in done.said


def test_reports_only_without_results_says_so(one_subject, tmp_path, deepmir):
    done = deepmir(one_subject, tmp_path, '--reports-only')
    assert done.status == 1
    assert 'failed: sub-01: ' in done.said
    assert 'run deepmir on this participant first' in done.said


def test_another_threshold_makes_tables_masks_and_page_anew_without_the_network(
    one_subject, one_run, tmp_path, deepmir
):
    folder = tmp_path / 'copy'
    shutil.copytree(one_run.out_dir, folder / 'out')
    anat = folder / 'out' / 'sub-01' / 'anat'

    def contents():
        # The sidecar of the lesions names the run.
        kept = [path for path in anat.iterdir() if 'lesions_dseg.json' not in path.name]
        return {path.name: path.read_bytes() for path in kept}

    def table(desc):
        return read_tsv(anat / f'sub-01_space-SWI_seg-deepmir_desc-{desc}_dseg.tsv')

    first, lesions, candidates = contents(), table('lesions'), table('candidates')
    review = pd.concat([lesions, candidates]).assign(
        verdict='rejected', reviewed_class=None, comment='mine', reader='AB'
    )
    write_tsv(review[list(SAVED)], anat / 'sub-01_desc-review_dseg.tsv')
    limit = str(lesions['probability'].iloc[:2].mean().round(4))
    done = deepmir(one_subject, folder, '--reports-only', '--threshold-cmb', limit)
    assert done.status == 0, done.said
    assert not list(done.work_dir.rglob('*/predict'))
    after = table('lesions')
    kept = lesions[(lesions['class'] != 'CMB') | (lesions['probability'] >= float(limit))]
    # Each just where it was, but for iron that took voxels over from a CMB that is gone.
    assert list(after['class']) == list(kept['class'])
    grown = after['volume_mm3'].to_numpy() > kept['volume_mm3'].to_numpy()
    assert set(after['class'][grown]) <= {'iron'}
    columns = ['x', 'y', 'z', 'volume_mm3']
    stayed, before = (part[columns].to_numpy() for part in (after, kept))
    assert stayed[~grown].tolist() == before[~grown].tolist()
    np.testing.assert_allclose(stayed[grown, :3], before[grown, :3], atol=0.5)
    mask = 'sub-01_space-SWI_label-CMB_desc-deepmir_mask.nii.gz'
    assert contents()[mask] != first[mask]
    sidecar = json.loads((anat / mask.replace('.nii.gz', '.json')).read_text())
    assert sidecar['Thresholds']['CMB'] == float(limit)
    lesions_json = json.loads(next(anat.glob('*desc-lesions_dseg.json')).read_text())
    assert f'{limit} for CMB' in ' '.join(lesions_json['Description'].split())
    # The reader's words are those of the same lesions.
    said = reviewed_rows(find_files(folder / 'out', 'sub-01'))
    assert {row['comment'] for row in said if row['name'] in set(after['name'])} == {'mine'}
    assert sum(row['verdict'] == 'rejected' for row in said) == len(review)

    # Back again: everything is as it was, byte for byte, but the page and the run's name.
    back = deepmir(one_subject, folder, '--reports-only', '--operating-point', 'balanced')
    assert back.status == 0, back.said
    for path in anat.glob('sub-01_desc-review_dseg.*'):
        path.unlink()
    assert contents() == first


def test_probabilities_of_other_weights_are_refused(one_subject, one_run, tmp_path, deepmir):
    folder = tmp_path / 'copy'
    shutil.copytree(one_run.out_dir, folder / 'out')
    path = next(folder.rglob('*desc-lesions_dseg.json'))
    path.write_text(json.dumps(json.loads(path.read_text()) | {'ModelSHA256': 'f' * 64}))
    done = deepmir(one_subject, folder, '--reports-only', '--threshold-cmb', '0.9')
    assert done.status == 1
    assert 'failed: sub-01: its probabilities are of other weights' in done.said
