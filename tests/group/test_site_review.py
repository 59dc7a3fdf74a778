"""The reviews of a cohort speak for a threshold, and the page says how to use it."""

from __future__ import annotations

import re

import pytest
from made_outputs import write_site

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli.deepmir_model import main
from deepmir_bids.evaluation.judged_findings import own_thresholds
from deepmir_bids.group.cohort_tables import describe_columns, make_tables
from deepmir_bids.group.read_cohort import read_cohort
from deepmir_bids.group.site_review import review_site
from deepmir_bids.group.write_group import write_group
from deepmir_bids.model.model_registry import find_model, read_card
from deepmir_bids.reports import group_page as module
from deepmir_bids.reports.group_page import group_page

CARD = read_card(find_model('default'))
OWN = own_thresholds(CARD, CARD.sees)


@pytest.fixture
def site(tmp_path):
    """Return a function that writes a reviewed site, and gives what its reviews tell."""

    def write(participants, sha256=CARD.sha256):
        out = tmp_path / 'my out'
        write_site(out, participants, thresholds=OWN, detection={'ModelSHA256': sha256})
        (out / 'logs' / '20260101T000000-simulated-1' / 'settings.toml').write_text(
            f'model = "default"\n[derivatives]\nqsm = "{tmp_path}/q"\n'
        )
        cohort = read_cohort(out)
        return out, cohort, review_site(cohort, out, tmp_path / 'bids')

    return write


def test_the_suggestion_is_what_calibrate_chooses(site, tmp_path, capsys):
    out, _, review = site(6)
    cmb, iron = review.classes
    assert (review.participants, review.readers, review.inputs) == (6, ('AB',), 'swi+qsm+t2w')
    assert main(['calibrate', 'default', str(out), '--out', str(tmp_path / 'model')]) == 0
    new = read_card(tmp_path / 'model').thresholds['swi+qsm+t2w']['balanced']
    assert new == {'CMB': cmb.suggested, 'iron': iron.suggested}
    assert cmb.suggested > cmb.present == OWN['CMB']
    # Nothing false speaks against the present threshold of iron.
    assert iron.suggested == iron.present


def test_the_commands_are_exact(site, tmp_path):
    out, _, review = site(6)
    first, second = review.commands
    assert first == f"deepmir-model calibrate default '{out}' --out '{out}-model'"
    assert second.startswith(f"deepmir {tmp_path}/bids '{out}' participant --reports-only --model")
    assert second.endswith(f'--derivatives qsm={tmp_path}/q')


def test_the_table_has_both_points_and_is_described(site, tmp_path):
    out, cohort, review = site(6)
    group = make_tables(cohort, site=review)
    write_group(group, out)
    table = read_tsv(out / 'group_thresholds.tsv')
    points = table[table['class'] == 'CMB'].set_index('point')
    assert points.loc['present', 'threshold'] == OWN['CMB']
    assert points.loc['suggested', 'F1'] > points.loc['present', 'F1'] + 0.2
    assert table['threshold'].between(0, 1).all()
    assert list(describe_columns(group)['thresholds']) == list(table.columns)


def test_the_page_shows_it(site, monkeypatch):
    monkeypatch.setattr(module, 'plot_glass_brain', lambda *_: b'PNG')
    _, cohort, review = site(6)
    page = group_page(make_tables(cohort, site=review), set())
    text = re.sub(r'\s+', ' ', page)
    assert f'Suggested: {review.classes[0].suggested:g} instead of {OWN["CMB"]:g}' in text
    assert re.search(r'F1 is known to ±0\.\d\d with 6 participants: ±0\.\d\d with 12', text)
    assert 'deepmir-model calibrate' in text
    assert 'nothing speaks against the present threshold' in text


def test_too_few_and_other_weights_suggest_nothing(site, monkeypatch):
    monkeypatch.setattr(module, 'plot_glass_brain', lambda *_: b'PNG')
    _, cohort, review = site(1)
    assert review.commands == ()
    page = group_page(make_tables(cohort, site=review), set())
    assert 'too few for a suggestion' in page


def test_without_the_model_there_is_no_command(site):
    _, _, review = site(6, sha256='f' * 64)
    assert review.classes[0].suggested is not None
    assert review.commands == ()
