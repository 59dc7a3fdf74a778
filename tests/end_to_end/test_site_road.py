"""From a saved review to the group page's suggestion, its commands, and the tables they leave."""

from __future__ import annotations

import html
import re
import shlex
import shutil

import pandas as pd
import pytest

from deepmir_bids.bids.finished_results import find_files, read_sidecar
from deepmir_bids.bids.tsv import read_tsv, write_tsv
from deepmir_bids.cli import deepmir_model
from deepmir_bids.cli.deepmir import main
from deepmir_bids.lesions.reader_review import SAVED, reviewed_rows
from deepmir_bids.model.model_registry import read_card

pytestmark = pytest.mark.slow

PEOPLE = ('sub-01', 'sub-02')


@pytest.fixture
def site(one_subject, one_run, tmp_path):
    """A site of two participants, alike in all but their names, whose lesions are judged."""
    shutil.copytree(one_subject, tmp_path / 'bids')
    shutil.copytree(one_run.out_dir, tmp_path / 'out')
    for folder in (tmp_path / 'bids', tmp_path / 'out'):
        shutil.copytree(folder / PEOPLE[0], folder / PEOPLE[1])
        for path in [*(folder / PEOPLE[1]).rglob('sub-01_*')]:
            path.rename(path.with_name(path.name.replace(*PEOPLE)))
    for label in PEOPLE:
        judge(tmp_path / 'out', label)
    return tmp_path


def judge(out, label):
    """Save a review as the page does: of the CMB only the most probable half is right."""
    files = find_files(out, label)
    tables = [read_tsv(files[f'{name}_table']) for name in ('lesion', 'candidate')]
    table = pd.concat(tables, ignore_index=True)
    half = tables[0][tables[0]['class'] == 'CMB']['probability'].median()
    right = table['probability'] >= table['class'].map({'CMB': half, 'iron': 0.8})
    review = table.assign(
        verdict=right.map({True: 'accepted', False: 'rejected'}),
        reviewed_class=table['class'].where(right),
        comment=None,
        reader='AB',
    )
    write_tsv(review[list(SAVED)], out / label / 'anat' / f'{label}_desc-review_dseg.tsv')


def verdicts(out, label):
    return {
        (round(float(row['x']), 2), row['class']): row['verdict']
        for row in reviewed_rows(find_files(out, label))
        if row['verdict']
    }


def test_a_review_leads_to_the_tables_of_the_sites_threshold(site, deepmir):
    out, bids = site / 'out', site / 'bids'
    before = {label: verdicts(out, label) for label in PEOPLE}
    assert main([str(bids), str(out), 'group']) == 0
    page = (out / 'group.html').read_text()
    said = re.search(r'Suggested: ([\d.]+) instead of ([\d.]+)', page)
    suggested, present = map(float, said.groups())
    assert suggested > present
    commands = html.unescape(re.search(r'<pre[^>]*>(.*?)</pre>', page, re.DOTALL)[1])
    choose, use = map(shlex.split, commands.strip().splitlines())

    assert choose[0] == 'deepmir-model'
    assert deepmir_model.main(choose[1:]) == 0
    card = read_card(site / 'out-model')
    assert card.thresholds_for(card.sees, 'balanced')['CMB'] == suggested
    assert card.training['calibration']['readers'] == ['AB']

    assert use[:4] == ['deepmir', str(bids), str(out), 'participant']
    done = deepmir(bids, site, *use[4:])
    assert done.status == 0, done.said
    for label in PEOPLE:
        files = find_files(out, label)
        assert read_sidecar(files['lesions'])['Model'] == 'out-model'
        table = read_tsv(files['lesion_table'])
        assert table.loc[table['class'] == 'CMB', 'probability'].min() >= suggested
        assert verdicts(out, label) == before[label]
    assert main([str(bids), str(out), 'group']) == 0
    points = read_tsv(out / 'group_thresholds.tsv').set_index(['class', 'point'])['threshold']
    assert points['CMB', 'present'] == points['CMB', 'suggested'] == suggested
