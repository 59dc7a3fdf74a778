"""Prevalence, quartiles, and the parts of a cohort."""

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.errors import UsageError
from deepmir_bids.group.participant_strata import as_numbers, levels_of
from deepmir_bids.group.prevalence import summary_table, wilson
from deepmir_bids.group.read_cohort import read_cohort


@pytest.fixture
def pick(cohort_of_four, out):
    """Return a function that gives one row of the summary."""
    table = summary_table(read_cohort(out), ['sex', 'age'])
    table = table.set_index(['group', 'level', 'class', 'region', 'source'])

    def row(group='all', level='all', kind='CMB', region='all', source='found'):
        return table.loc[(group, level, kind, region, source)]

    return row


def test_prevalence_is_over_all_that_are_done(pick):
    row = pick()
    assert (row['participants'], row['failed'], row['skipped']) == (3, 1, 1)
    assert (row['with_lesions'], row['lesions']) == (2, 3)
    assert row['prevalence'] == pytest.approx(2 / 3)
    # The first session of sub-02 counts, not the second.
    assert pick(region='lobar')['lesions'] == 1
    assert pick(region='infratentorial')['with_lesions'] == 1


def test_quartiles_are_over_participants(pick):
    row = pick()
    counts = [2, 1, 0]
    names = ['count_mean', 'count_q1', 'count_median', 'count_q3', 'count_max']
    expected = [np.mean(counts), *np.quantile(counts, [0.25, 0.5, 0.75, 1])]
    assert row[names].tolist() == pytest.approx(expected)
    volumes = np.pi / 6 * np.array([27 + 216, 8, 0])
    assert row['volume_median_mm3'] == pytest.approx(np.median(volumes), abs=0.01)
    assert row['volume_max_mm3'] == pytest.approx(volumes.max(), abs=0.01)


def test_as_reviewed(pick):
    assert pick(source='reviewed')['lesions'] == 2
    assert pick(source='reviewed', region='lobar')['lesions'] == 0
    assert pick(kind='iron', source='reviewed')['lesions'] == 2
    assert pick(kind='iron', source='reviewed', region='lobar')['lesions'] == 1
    assert pick(source='reviewed')['review_complete'] == 1


def test_parts_of_the_cohort(pick):
    women, men = pick('sex', 'F'), pick('sex', 'M')
    assert (women['participants'], women['failed'], women['skipped']) == (1, 1, 1)
    assert (men['participants'], men['prevalence']) == (2, 0.5)
    assert pick('age', 'n/a')['participants'] == 1
    assert pick('age', '60')['with_lesions'] == 1


def test_wilson_interval():
    # Newcombe, Stat Med 1998;17:857, table I: 81/263 and 0/20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert np.isnan(wilson(0, 0)).all()


def test_an_unknown_column_is_refused_with_those_that_are_there(cohort_of_four, recorded, out):
    with pytest.raises(UsageError, match='no such column, it has age, sex, status'):
        summary_table(read_cohort(out), ['group'])


def test_without_raw_participants_there_is_nothing_to_divide_by(finished, out):
    finished('sub-01')
    with pytest.raises(UsageError, match=r'had no participants\.tsv'):
        summary_table(read_cohort(out), ['sex'])


def test_numbers_of_many_values_are_cut_at_their_quartiles():
    values = pd.Series([str(n) for n in range(1, 13)] + ['n/a', None], dtype=object)
    levels = levels_of(values)
    assert list(levels) == [
        'quartile 1: 1 to 3.75',
        'quartile 2: over 3.75 to 6.5',
        'quartile 3: over 6.5 to 9.25',
        'quartile 4: over 9.25 to 12',
        'n/a',
    ]
    assert [int(own.sum()) for own in levels.values()] == [3, 3, 3, 3, 2]


def test_each_participant_has_one_level():
    rng = np.random.default_rng(0)
    values = pd.Series(rng.integers(0, 12, 500).astype(str))
    levels = pd.DataFrame(levels_of(values))
    assert (levels.sum(axis=1) == 1).all()
    shared = levels_of(pd.Series(['0'] * 90 + [str(n) for n in range(10)]))
    assert (pd.DataFrame(shared).sum(axis=1) == 1).all()


def test_few_numbers_and_words_are_levels_of_their_own():
    assert list(levels_of(pd.Series(['10', '9', '10', 'n/a']))) == ['9', '10', 'n/a']
    assert list(levels_of(pd.Series(['b', 'a', None], dtype=object))) == ['a', 'b', 'n/a']


def test_anonymous_ages_are_numbers():
    ages = as_numbers(pd.Series(['89+', '61', 'n/a']))
    assert ages is not None
    assert ages.tolist()[:2] == [89, 61]
    assert np.isnan(ages.iloc[2])
    assert as_numbers(pd.Series(['old', '61'])) is None
    assert as_numbers(pd.Series(['n/a'])) is None
