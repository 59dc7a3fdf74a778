"""Sensitivity with its interval, and findings of each operating point."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.acceptance.acceptance_tables import (
    IMPLANTS,
    reading_table,
    sensitivity,
    sensitivity_table,
    suggestions_of,
    threshold_table,
)
from deepmir_bids.evaluation.site_thresholds import Judged
from deepmir_bids.model.model_registry import find_model, read_card


def implants(*rows):
    table = pd.DataFrame(rows, columns=['unit', 'size', 'sensitive', 'balanced', 'precise'])
    table = table.assign(**{'class': 'CMB', 'region': 'lobar', 'inputs': 'swi'})
    return table.reindex(columns=list(IMPLANTS))


def test_few_units_have_the_interval_of_a_share_and_many_that_of_units():
    found = pd.Series([True, False] * 5)
    few = sensitivity(pd.Series(['a', 'b'] * 5), found)
    many = sensitivity(pd.Series(list('aabbccddee')), found)
    assert (few['found'], few['implants']) == (many['found'], many['implants']) == (5, 10)
    # Wilson's interval of 5 in 10; units that are all alike leave nothing open.
    assert (few['low'], few['high']) == pytest.approx((0.237, 0.763), abs=1e-3)
    assert (many['interval'], many['low'], many['high']) == ('bootstrap', 0.5, 0.5)


def test_each_size_is_counted_at_each_point():
    table = sensitivity_table(
        implants(
            ('sub-01', '2-3', True, False, False),
            ('sub-01', '3-5', True, True, False),
            ('sub-02', '3-5', True, True, True),
        )
    )
    shares = table.set_index(['by', 'group', 'point']).sort_index()['sensitivity']
    assert shares['all', 'all', 'balanced'] == pytest.approx(2 / 3)
    assert shares['size', '3-5'].to_dict() == {'sensitive': 1, 'balanced': 1, 'precise': 0.5}
    assert ('size', '<2') not in shares.index.droplevel('point')
    assert shares['inputs', 'swi', 'precise'] == pytest.approx(1 / 3)


def test_a_finding_counts_at_every_laxer_point_and_a_unit_without_any_counts():
    units = [SimpleNamespace(label=label, judged={'CMB': None}) for label in ('a', 'b')]
    findings = pd.DataFrame(
        {'unit': ['a', 'a'], 'class': ['CMB', 'CMB'], 'reaches': ['balanced', 'sensitive']}
    )
    table = reading_table(findings, units).set_index('point')
    assert table['findings'].to_dict() == {'sensitive': 2, 'balanced': 1, 'precise': 0}
    assert table.loc['sensitive', ['per_unit', 'most']].tolist() == [1, 2]
    assert set(table['class']) == {'CMB'}  # iron was tested in nobody


def test_thresholds_follow_the_images_with_lesions():
    card = read_card(find_model('default'))
    own = Judged('', np.array([3.0, 3, 3, 3, 1, 1]), np.array([True] * 4 + [False] * 2), -2.0)
    results = [
        SimpleNamespace(judged={'CMB': Judged(p, own.excess, own.true, own.floor)})
        for p in 'abcdef'
    ]
    row = threshold_table(suggestions_of(results), card, ['swi']).iloc[0]
    assert row['present'] == card.thresholds_for(['swi'], 'balanced')['CMB']
    assert row['suggested'] > row['present']
    assert row['low'] <= row['suggested'] <= row['high']
    assert row['F1_present'] == pytest.approx(0.8)  # of 4 true and 2 false findings
    assert row['nearest'] in ('balanced', 'precise')
