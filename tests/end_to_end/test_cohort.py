"""Both levels on a cohort: the summary equals what the masks themselves say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli.deepmir import main
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

pytestmark = [pytest.mark.long, pytest.mark.shared]

#: Participant → seeds of the sessions; a participant of one seed has no session.
HEADS = {f'sim{n:02d}': [20 + n] for n in range(1, 4)} | {'two01': [31, 32]}


@pytest.fixture(scope='module')
def raw(tmp_path_factory, subject, shared):
    """Four simulated participants, one with two sessions, a real one, and one without SWI."""
    root = tmp_path_factory.mktemp('cohort') / 'bids'
    create_dataset(root)
    for label, seeds in HEADS.items():
        for session, seed in enumerate(seeds, start=1):
            how = {'session': str(session)} if len(seeds) > 1 else {}
            write_subject(root, label, subject(seed), **how)
    write_subject(root, 'noswi', subject(21), inputs=('t2w',))
    real = shared / 'real_bids'
    for image in real.glob('sub-01/anat/sub-01_T2*'):
        target = root / 'sub-real' / 'anat' / image.name.replace('sub-01', 'sub-real')
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, target)
    rows = [f'sub-{label}\t{60 + i}\t{"FM"[i % 2]}' for i, label in enumerate([*HEADS, 'real'])]
    (root / 'participants.tsv').write_text('participant_id\tage\tsex\n' + '\n'.join(rows) + '\n')
    return root


@pytest.fixture(scope='module')
def out_dir(raw, tmp_path_factory, deepmir) -> Path:
    folder = tmp_path_factory.mktemp('run')
    done = deepmir(raw, folder, '--sloppy', '--nprocs', '2')
    assert done.status == 1
    assert '6 of 7 units done' in done.said
    assert main([str(raw), str(done.out_dir), 'group', '--by', 'sex']) == 0
    return done.out_dir


def counted(out_dir: Path) -> pd.DataFrame:
    """Lesions of each participant's first session, from images alone."""
    rows = []
    for label in [*HEADS, 'real']:
        session = '1' if len(HEADS.get(label, [])) > 1 else None
        stem = f'sub-{label}' + (f'_ses-{session}' if session else '')
        anat = out_dir.joinpath(*stem.split('_')) / 'anat'

        def read(ending, anat=anat, stem=stem):
            return nib.load(anat / f'{stem}_space-SWI_{ending}.nii.gz')

        image = read('seg-deepmir_desc-lesions_dseg')
        lesions = np.asanyarray(image.dataobj)
        classes = np.asanyarray(read('seg-deepmir_dseg').dataobj)
        structures = np.asanyarray(read('seg-builtin_dseg').dataobj)
        known = read_tsv(anat / f'{stem}_space-SWI_seg-builtin_dseg.tsv')
        region = known.set_index('index')['region']
        for index in np.unique(lesions[lesions > 0]):
            inside = lesions == index
            places = structures[inside]
            places = places[places > 0]
            rows.append({
                'participant': label,
                'class': {1: 'CMB', 2: 'iron'}[int(classes[inside].max())],
                'region': region.get(np.bincount(places).argmax()) if places.size else None,
                'volume_mm3': inside.sum() * np.prod(image.header.get_zooms()),
            })  # fmt: skip
    return pd.DataFrame(rows)


def test_the_summary_equals_counts_from_the_masks(out_dir):
    lesions = counted(out_dir)
    summary = read_tsv(out_dir / 'group_summary.tsv')
    summary = summary[(summary['group'] == 'all') & (summary['source'] == 'found')]
    labels = [*HEADS, 'real']
    assert len(lesions) > 20
    for _, row in summary.iterrows():
        own = lesions[lesions['class'] == row['class']]
        if row['region'] != 'all':
            own = own[own['region'] == row['region']]
        counts = own.groupby('participant').size().reindex(labels, fill_value=0)
        volumes = own.groupby('participant')['volume_mm3'].sum().reindex(labels, fill_value=0)
        assert row['participants'] == len(labels)
        assert row['lesions'] == counts.sum()
        assert row['with_lesions'] == (counts > 0).sum()
        assert row['prevalence'] == pytest.approx((counts > 0).mean(), abs=1e-3)
        assert row['count_mean'] == pytest.approx(counts.mean(), abs=1e-3)
        assert row['count_median'] == pytest.approx(counts.median(), abs=1e-3)
        assert row['count_q3'] == pytest.approx(counts.quantile(0.75), abs=1e-3)
        assert row['volume_mean_mm3'] == pytest.approx(volumes.mean(), rel=1e-3)


def test_nobody_is_dropped(out_dir):
    participants = read_tsv(out_dir / 'participants.tsv').set_index('participant_id')
    assert set(participants.index) == {f'sub-{label}' for label in [*HEADS, 'real', 'noswi']}
    assert participants.loc['sub-noswi', 'status'] == 'skipped'
    assert participants.loc['sub-two01', 'n_sessions'] == 2
    assert participants.loc['sub-sim01', 'age'] == 60
    sessions = read_tsv(out_dir / 'sub-two01' / 'sub-two01_sessions.tsv')
    assert list(sessions['session_id']) == ['ses-1', 'ses-2']
    every = read_tsv(out_dir / 'group_lesions.tsv')
    tables = list(out_dir.rglob('*desc-lesions_dseg.tsv'))
    assert len(tables) == 6
    assert len(every) == sum(len(read_tsv(table)) for table in tables)


def test_the_page_leads_to_every_participant(out_dir):
    page = (out_dir / 'group.html').read_text()
    for unit in ('sub-sim01', 'sub-two01_ses-2', 'sub-real'):
        assert re.search(rf'["\']{unit}\.html', page)
        assert (out_dir / f'{unit}.html').is_file()
    assert 'noswi' in page


def test_the_whole_folder_is_valid(out_dir):
    command = Path(sys.executable).with_name('bids-validator-deno')
    done = subprocess.run(
        [command, str(out_dir), '--format', 'json'], capture_output=True, text=True
    )
    issues = json.loads(done.stdout)['issues']['issues']
    assert [i for i in issues if i.get('severity', 'error') == 'error'] == []
