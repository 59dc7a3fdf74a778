"""Figures of a class from the outcomes of its lesions."""

import pandas as pd
import pytest

from deepmir_bids.evaluation.pooled_figures import by_subject, count, figures

UNITS = ['sub-01', 'sub-02', 'sub-03', 'sub-04']


def outcomes(**by_unit):
    """Outcomes in the order TP, FP, FN; every TP has a Dice of 0.5."""
    rows = [
        {
            'unit': f'sub-{unit[1:]}',
            'outcome': outcome,
            'dice': 0.5 if outcome == 'TP' else float('nan'),
        }
        for unit, numbers in by_unit.items()
        for outcome, number in zip(('TP', 'FP', 'FN'), numbers, strict=True)
        for _ in range(number)
    ]
    return pd.DataFrame(rows, columns=['unit', 'outcome', 'dice'])


@pytest.fixture
def counts():
    """sub-03 has no lesion but a false one, sub-04 neither."""
    return count(outcomes(s01=(3, 1, 0), s02=(2, 0, 4), s03=(0, 2, 0)), UNITS)


def test_pooled_figures(counts):
    pooled = figures(counts).set_index('measure')['pooled']
    assert (pooled['TP'], pooled['FP'], pooled['FN']) == (5, 3, 4)
    assert (pooled['true'], pooled['found']) == (9, 8)
    assert pooled['sensitivity'] == pytest.approx(5 / 9)
    assert pooled['precision'] == pytest.approx(5 / 8)
    assert pooled['F1'] == pytest.approx(10 / 17)
    assert pooled['FP_per_subject'] == pytest.approx(3 / 4)
    assert pooled['dice'] == pytest.approx(0.5)
    assert pooled['count_bias'] == pytest.approx(-1 / 4)


def test_means_leave_out_subjects_in_which_a_figure_is_undefined(counts):
    table = figures(counts).set_index('measure')
    assert table.loc['sensitivity', 'subjects'] == 2
    assert table.loc['sensitivity', 'mean'] == pytest.approx((1 + 1 / 3) / 2)
    assert table.loc['precision', 'subjects'] == 3
    assert table.loc['precision', 'mean'] == pytest.approx((3 / 4 + 1 + 0) / 3)
    assert table.loc['F1', 'subjects'] == 3
    assert table.loc['F1', 'mean'] == pytest.approx((6 / 7 + 4 / 8 + 0) / 3)
    assert table.loc['FP_per_subject', 'subjects'] == 4
    for measure in ('sensitivity', 'precision', 'F1', 'FP_per_subject'):
        row = table.loc[measure]
        assert row['pooled_low'] <= row['pooled'] <= row['pooled_high']
        assert row['mean_low'] <= row['mean'] <= row['mean_high']


def test_no_interval_where_a_single_subject_gives_the_figure():
    table = figures(count(outcomes(s01=(1, 0, 1), s02=(0, 1, 0)), UNITS)).set_index('measure')
    assert table.loc['sensitivity', 'pooled'] == 0.5
    assert table.loc['sensitivity', ['pooled_low', 'pooled_high', 'mean_low']].isna().all()
    assert table.loc['precision', ['pooled_low', 'pooled_high', 'mean_low']].notna().all()


def test_each_subject(counts):
    table = by_subject(counts).set_index('unit')
    assert table.loc['sub-01', ['true', 'found']].tolist() == [3, 4]
    assert table.loc['sub-02', 'sensitivity'] == pytest.approx(1 / 3)
    assert table.loc['sub-02', 'precision'] == 1
    assert pd.isna(table.loc['sub-03', 'sensitivity'])
    # No lesion but a false one: an F1 of 0. Neither of them: no F1, and not 1.
    assert table.loc['sub-03', ['precision', 'F1']].tolist() == [0, 0]
    assert table.loc['sub-04', ['sensitivity', 'precision', 'F1', 'dice']].isna().all()


def test_correlation_of_counts_has_its_sign():
    rising = count(outcomes(s01=(1, 0, 0), s02=(2, 1, 0), s03=(4, 2, 0)), UNITS)
    falling = count(outcomes(s01=(0, 4, 0), s02=(0, 2, 1), s03=(0, 0, 4)), UNITS[:3])
    assert figures(rising).set_index('measure').loc['count_r', 'pooled'] > 0.9
    assert figures(falling).set_index('measure').loc['count_r', 'pooled'] < -0.9


def test_no_lesion_at_all():
    table = figures(count(outcomes(), UNITS)).set_index('measure')
    assert table.loc['FP_per_subject', 'pooled'] == 0
    assert pd.isna(table.loc['sensitivity', 'pooled'])
    assert pd.isna(table.loc['count_r', 'pooled'])
