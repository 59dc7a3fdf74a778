"""Prevalence and counts of a cohort, and of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from deepmir_bids.bids.run_records import RawParticipants
from deepmir_bids.errors import UsageError
from deepmir_bids.group.lesion_counts import SOURCES, count_by_region, lesions_of
from deepmir_bids.group.participant_rows import first_finished
from deepmir_bids.group.participant_strata import levels_of
from deepmir_bids.group.read_cohort import Cohort

STATISTICS = ('mean', 'q1', 'median', 'q3', 'max')


def summary_table(cohort: Cohort, by: Sequence[str] = ()) -> pd.DataFrame:
    """Make ``group_summary.tsv``: a row for each group, level, source, class and region.

    Parameters
    ----------
    cohort
        Of which each participant's first finished session counts.
    by
        Columns of the raw participants.tsv that divide it, one after another.

    Raises
    ------
    UsageError
        The raw dataset has no such column.

    """
    check_columns(by, cohort.raw)
    people = first_finished(cohort.units)['participant_id']
    groups = {('all', 'all'): pd.Series(True, index=list(people))}
    for column in by:
        values = raw_column(column, list(people), cohort.raw)
        groups |= {(column, level): own for level, own in levels_of(values).items()}
    return summarise(cohort, groups)


def summarise(cohort: Cohort, groups: Mapping[tuple[str, str], pd.Series]) -> pd.DataFrame:
    """Sum up parts of a cohort, as in ``group_summary.tsv``.

    Parameters
    ----------
    cohort
        Of which each participant's first finished session counts.
    groups
        Group and level, and a bool of each participant, by participant_id.

    """
    people = first_finished(cohort.units).set_index('participant_id')
    done = people['status'] == 'done'
    labels = people.loc[done, 'label']
    rows = []
    for source in SOURCES:
        counts = count_by_region(lesions_of(cohort.lesions, source), list(labels))
        for (group, level), own in groups.items():
            about = {'group': group, 'level': level, 'source': source, **_people(people[own])}
            inside = labels[own[done]]
            rows += [
                {**about, 'class': name, 'region': region, **describe(totals.loc[inside])}
                for (name, region), totals in counts.items()
            ]
    first = ['group', 'level', 'class', 'region', 'source']
    table = pd.DataFrame(rows)
    return table[first + [name for name in table if name not in first]]


def check_columns(by: Sequence[str], raw: RawParticipants) -> None:
    """Ask whether all columns are there (UsageError, which names those that are)."""
    unknown = [name for name in by if name not in raw.columns]
    if unknown and not raw.columns:
        raise UsageError(
            f'--by {unknown[0]}: the raw dataset had no participants.tsv with these participants '
            'when they were run.'
        )
    if unknown:
        raise UsageError(
            f'--by {unknown[0]}: participants.tsv of the raw dataset has no such column, it has '
            f'{", ".join(raw.columns)}.'
        )


def raw_column(name: str, participants: list[str], raw: RawParticipants) -> pd.Series:
    """Values of a raw column as text by participant; None where it is not known."""
    values = [raw.rows.get(one, {}).get(name) for one in participants]
    return pd.Series(values, index=participants, dtype=object)


def describe(totals: pd.DataFrame) -> dict[str, float]:
    """Prevalence with its interval, and quartiles of number and volume, over participants."""
    n = totals['n'].to_numpy(dtype=float)
    having = int((n > 0).sum())
    low, high = wilson(having, len(n))
    return {
        'with_lesions': having,
        'prevalence': having / len(n) if len(n) else np.nan,
        'prevalence_low': low,
        'prevalence_high': high,
        'lesions': int(n.sum()),
        **{f'count_{name}': value for name, value in _statistics(n).items()},
        **{
            f'volume_{name}_mm3': value
            for name, value in _statistics(totals['volume_mm3'].to_numpy(dtype=float)).items()
        },
    }


def wilson(part: int, whole: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, J Am Stat Assoc 1927;22:209); NaN of nothing."""
    from scipy.stats import binomtest

    if not whole:
        return np.nan, np.nan
    interval = binomtest(part, whole).proportion_ci(0.95, method='wilson')
    return float(interval.low), float(interval.high)


def _people(own: pd.DataFrame) -> dict[str, int]:
    """How many participants a group has, by what became of them."""
    status = own['status'].value_counts()
    done = own[own['status'] == 'done']
    return {
        'participants': len(done),
        'failed': int(status.get('failed', 0)),
        'skipped': int(status.get('skipped', 0)),
        'review_complete': int((done['review_status'] == 'complete').sum()),
    }


def _statistics(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(STATISTICS, np.nan)
    quartiles = np.quantile(values, [0.25, 0.5, 0.75, 1])
    return dict(zip(STATISTICS, (values.mean(), *quartiles), strict=True))
