"""``deepmir … group``: from a folder of outputs to tables, maps and a page, or a plain refusal."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_outputs import draw_lesions, write_cohort, write_unit

from deepmir_bids.bids.dataset_description import describe_dataset
from deepmir_bids.bids.output_files import DATATYPES
from deepmir_bids.bids.publishing import earlier_results
from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli.deepmir import main
from deepmir_bids.reports import group_page

_MARK = 'from deepmir_bids.bids.living_process import mark; print(mark())'


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Brains are drawn elsewhere."""
    monkeypatch.setattr(group_page, 'plot_glass_brain', lambda *_: b'PNG')


@pytest.fixture
def group(tmp_path, capsys):
    """Return a function that runs the group level, and gives its status and what it said."""

    def run(*options):
        # The raw dataset need not be there.
        status = main([str(tmp_path / 'nowhere'), str(tmp_path / 'out'), 'group', *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.fixture
def twenty(tmp_path):
    """Outputs of twenty participants: one failed, one was skipped, two have two sessions."""
    write_cohort(tmp_path / 'out', 20)
    return tmp_path / 'out'


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_a_cohort_is_summed_up(twenty, group):
    status, said = group('--by', 'sex', 'age')
    assert status == 0
    assert '20 participants, 18 done, 1 failed, 1 skipped' in said
    assert said.strip().splitlines()[-1].startswith('failed: sub-17: the T2w is truncated')
    lesions = read_tsv(twenty / 'group_lesions.tsv')
    tables = list(twenty.glob('sub-*/**/*desc-lesions_dseg.tsv'))
    assert len(lesions) == sum(len(read_tsv(table)) for table in tables)
    people = read_tsv(twenty / 'participants.tsv').set_index('participant_id')
    assert len(people) == 20
    assert people['n_sessions'].value_counts().to_dict() == {1: 18, 2: 2}
    # Counted once more, from the units' own tables.
    for name in ('sub-01', 'sub-10'):
        folder = twenty / name / ('ses-1' if name == 'sub-10' else '') / 'anat'
        own = read_tsv(next(folder.glob('*desc-lesions_dseg.tsv')))
        assert people.loc[name, 'n_cmb'] == (own['class'] == 'CMB').sum()
    summary = read_tsv(twenty / 'group_summary.tsv')
    whole = summary[(summary['group'] == 'all') & (summary['source'] == 'found')]
    whole = whole.set_index(['class', 'region'])
    assert whole.loc[('CMB', 'all'), 'lesions'] == people['n_cmb'].sum()
    assert whole.loc[('CMB', 'deep'), 'with_lesions'] == (people['n_cmb_deep'] > 0).sum()
    assert set(summary['group']) == {'all', 'sex', 'age'}
    assert len(read_tsv(twenty / 'group_qc.tsv')) == 22
    assert 'sub-10_ses-1.html' in (twenty / 'group.html').read_text()


def test_running_again_changes_nothing(twenty, group):
    group()
    first = snapshot(twenty)
    assert group()[0] == 0
    assert snapshot(twenty) == first


def test_the_outputs_are_valid_bids(twenty, group):
    group('--by', 'sex')
    command = Path(sys.executable).with_name('bids-validator-deno')
    done = subprocess.run(
        [command, str(twenty), '--format', 'json'], capture_output=True, text=True
    )
    issues = json.loads(done.stdout)['issues']['issues']
    assert [i for i in issues if i.get('severity', 'error') == 'error'] == []


def test_only_the_folder_of_results_is_needed(twenty, group, tmp_path):
    before = snapshot(twenty)
    assert group('--dry-run')[0] == 0
    assert snapshot(twenty) == before
    assert not (tmp_path / 'nowhere').exists()


@pytest.mark.parametrize('there', [True, False])
def test_nobody_to_sum_up(tmp_path, group, there):
    if there:
        (tmp_path / 'out').mkdir()
    status, said = group()
    assert status == 2
    assert 'has no participant' in said
    assert (tmp_path / 'out').exists() == there


def test_what_a_killed_run_was_writing_is_finished_or_does_not_count(twenty, group):
    table = next(twenty.glob('sub-01/anat/*desc-lesions_dseg.tsv'))
    decided = twenty / '.deepmir' / 'sub-01.publish'
    kept = decided / table.relative_to(twenty)
    kept.parent.mkdir(parents=True)
    table.rename(kept)
    names = [
        str(path.relative_to(twenty)) for path in earlier_results(twenty, 'sub-01', DATATYPES)
    ]
    names.append(str(table.relative_to(twenty)))
    journal = {'unit': 'sub-01', 'datatypes': list(DATATYPES), 'files': names}
    (decided / 'journal.json').write_text(json.dumps(journal))
    _, said = group('--dry-run')
    assert 'failed: sub-01: a run is writing its results, or was killed as it did' in said
    assert '20 participants, 17 done, 2 failed, 1 skipped' in said
    _, said = group()
    assert '20 participants, 18 done, 1 failed, 1 skipped' in said
    assert table.is_file()
    assert not (twenty / '.deepmir').exists()


def test_two_at_once_leave_what_one_leaves(twenty, group, monkeypatch):
    """Neither takes away the other's half-written image."""
    assert group()[0] == 0
    alone = snapshot(twenty)
    replace, begun = os.replace, []

    def meanwhile(source, target):
        if str(target).endswith('density.nii.gz') and not begun:
            begun.append(True)
            assert group()[0] == 0
        replace(source, target)

    monkeypatch.setattr(os, 'replace', meanwhile)
    assert group()[0] == 0
    assert begun
    assert snapshot(twenty) == alone


def test_files_that_a_killed_group_level_was_writing_are_swept(twenty, group):
    with subprocess.Popen(
        [sys.executable, '-c', _MARK], stdout=subprocess.PIPE, text=True
    ) as dead:
        mark = dead.communicate()[0].strip()
    half = [f'.group_qc.tsv.{mark}.x', f'sub-10/.sub-10_sessions.tsv.{mark}.x']
    for name in half:
        (twenty / name).touch()
    assert group()[0] == 0
    assert [name for name in half if (twenty / name).exists()] == []


def test_an_unknown_column(twenty, group):
    before = snapshot(twenty)
    status, said = group('--by', 'sex', 'height')
    assert status == 2
    assert '--by height' in said
    assert 'age, sex' in said
    assert snapshot(twenty) == before


def test_mixed_results_are_refused_unless_allowed(tmp_path, group):
    out = tmp_path / 'out'
    table = draw_lesions([('CMB', 'lobar', 3.0)], np.random.default_rng(0))
    write_unit(out, 'sub-01', table)
    write_unit(out, 'sub-02', table)
    write_unit(out, 'sub-03', table, anatomy={'Template': 'MNI152NLin2009cAsym'})
    describe_dataset(out, {'raw': tmp_path}, citation='')
    before = snapshot(out)
    status, said = group()
    assert status == 2
    assert 'MNI152NLin2009aSym (2 units), MNI152NLin2009cAsym (1 unit)' in said
    assert '--allow-mixed' in said
    assert snapshot(out) == before
    status, said = group('--allow-mixed')
    assert status == 0
    assert 'mixed: template' in said
    for name in ('participants', 'group_lesions', 'group_qc'):
        kept = read_tsv(out / f'{name}.tsv')['template']
        assert kept.tolist() == ['MNI152NLin2009aSym'] * 2 + ['MNI152NLin2009cAsym']
    assert 'Mixed results.' in (out / 'group.html').read_text()


def test_what_deepmir_did_not_make_is_not_summed_up(tmp_path, group):
    out = tmp_path / 'out'
    (out / 'sub-01').mkdir(parents=True)
    (out / 'participants.tsv').write_text('theirs')
    status, said = group()
    assert status == 2
    assert 'holds what somebody else made' in said
    assert (out / 'participants.tsv').read_text() == 'theirs'


def test_every_table_has_its_description(twenty, group):
    group()
    tables = [*twenty.glob('group_*.tsv'), *twenty.glob('sub-*/*_sessions.tsv')]
    assert len(tables) == 3 + 2
    for path in [*tables, twenty / 'participants.tsv']:
        described = json.loads(path.with_suffix('.json').read_text())
        columns = list(pd.read_csv(path, sep='\t', nrows=0).columns)
        assert columns == list(described)
        assert all(about['Description'] for about in described.values())


def test_a_review_that_cannot_be_used_is_told(tmp_path, group):
    table = draw_lesions([('CMB', 'lobar', 3.0)], np.random.default_rng(0))
    review = write_unit(tmp_path / 'out', 'sub-01', table) / 'sub-01_desc-review_dseg.tsv'
    review.write_text('index\tname\n1\tCMB-01\n')
    describe_dataset(tmp_path / 'out', {'raw': tmp_path}, citation='')
    status, said = group()
    assert status == 0
    assert f'review not counted: {review}' in said
