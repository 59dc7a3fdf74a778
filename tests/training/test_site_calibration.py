"""A model with a site's thresholds: the weights of another, and a card that says why."""

from __future__ import annotations

import itertools
import json

import pytest
from made_outputs import write_site

from deepmir_bids.cli.deepmir_model import main
from deepmir_bids.model.model_registry import (
    OPERATING_POINTS,
    find_model,
    read_card,
    verify,
)

CARD = read_card(find_model('default'))
OWN = CARD.thresholds_for(CARD.sees, 'balanced')


@pytest.fixture
def site(tmp_path):
    """Return a function that writes a reviewed site, and gives its folder."""

    def write(participants, **detection):
        out = tmp_path / 'out'
        known = {'ModelSHA256': CARD.sha256, **detection}
        write_site(out, participants, thresholds=OWN, detection=known)
        return out

    return write


def test_calibrate_makes_a_model_that_says_what_it_rests_on(site, tmp_path, capsys):
    made = tmp_path / 'mine'
    assert main(['calibrate', 'default', str(site(6)), '--out', str(made)]) == 0
    said = capsys.readouterr().out
    card = verify(made)
    assert (card.name, card.sha256) == ('mine', CARD.sha256)
    new = card.thresholds_for(card.sees, 'balanced')
    assert f'CMB: balanced threshold {OWN["CMB"]:g} → {new["CMB"]:g}' in said
    assert new['CMB'] > 0.95
    # Every point and combination of inputs moves alike, and stays in order.
    for inputs, name in itertools.product(card.combinations, ('CMB', 'iron')):
        points = [card.thresholds_for(inputs, point)[name] for point in OPERATING_POINTS]
        assert points == sorted(points)
    about = card.training['calibration']
    assert about['readers'] == ['AB']
    assert len(about['participants']) == 6
    assert about['own_thresholds'] == CARD.thresholds
    figures = about['classes']['CMB']['on_these_participants']['F1']
    assert figures[1] <= figures[0] <= figures[2]
    assert card.figures == {}
    json.dumps(about)


def test_a_second_calibration_starts_from_the_first_ones_origin(site, tmp_path):
    out = site(6)
    made, again = tmp_path / 'mine', tmp_path / 'again'
    assert main(['calibrate', 'default', str(out), '--out', str(made)]) == 0
    assert main(['calibrate', str(made), str(out), '--out', str(again)]) == 0
    assert read_card(again).thresholds == read_card(made).thresholds
    # Its own folder may be written anew, another one may not.
    assert main(['calibrate', str(made), str(out), '--out', str(made)]) == 0
    assert main(['calibrate', str(made), str(out), '--out', str(out)]) == 2


def test_too_few_are_refused_in_a_sentence(site, tmp_path, capsys):
    assert main(['calibrate', 'default', str(site(1)), '--out', str(tmp_path / 'mine')]) == 2
    said = capsys.readouterr().err
    assert '1 participants whose lesions were all judged' in said
    assert 'at least 2 participants and 3 lesions or false findings' in said
    assert not (tmp_path / 'mine').exists()


def test_other_weights_are_refused_in_a_sentence(site, tmp_path, capsys):
    out = site(6, ModelSHA256='f' * 64)
    assert main(['calibrate', 'default', str(out), '--out', str(tmp_path / 'mine')]) == 2
    assert 'other weights (sha256 ffffffffffff)' in capsys.readouterr().err
