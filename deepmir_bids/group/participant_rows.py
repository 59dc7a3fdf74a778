"""A row for each participant, and one for each session of those who have several."""

from __future__ import annotations

import pandas as pd

from deepmir_bids.bids.run_records import RawParticipants
from deepmir_bids.group.lesion_counts import count_units
from deepmir_bids.group.read_cohort import Cohort

#: What a row says before the counts.
ABOUT = (
    'session_id', 'status', 'reason', 'template', 'model', 'version', 'operating_point',
    'review_status',
)  # fmt: skip


def units_with_counts(cohort: Cohort) -> pd.DataFrame:
    """Return the units with their counts, which are missing where a unit is not done."""
    done = cohort.units.loc[cohort.units['status'] == 'done', 'label']
    counts = count_units(cohort.lesions, list(done))
    # An integer that may be missing: a count is never written as 3.0.
    whole = {name: 'Int64' for name in counts if not str(name).endswith('_mm3')}
    return cohort.units.join(counts.astype(whole), on='label')


def first_finished(units: pd.DataFrame) -> pd.DataFrame:
    """Choose the unit that stands for each participant, so that nobody is counted twice.

    It is the first finished session; of a participant without any, the first that failed, or
    else was skipped.
    """
    rank = units['status'].map({'done': 0, 'failed': 1}).fillna(2)
    return (
        units.assign(rank=rank)
        .sort_values(['participant_id', 'rank'], kind='stable')
        .drop_duplicates('participant_id')
        .drop(columns='rank')
    )


def participants_table(units: pd.DataFrame, raw: RawParticipants) -> pd.DataFrame:
    """Make ``participants.tsv``.

    Parameters
    ----------
    units
        From :func:`units_with_counts`.
    raw
        What the raw dataset says; a column that has the name of one of deepmir's own is called
        ``raw_<name>``.

    """
    chosen = first_finished(units).set_index('participant_id')
    own = pd.concat(
        [
            units.groupby('participant_id').size().rename('n_sessions').reindex(chosen.index),
            chosen[[*ABOUT, *_counts(units)]],
        ],
        axis=1,
    )
    own['session_id'] = own['session_id'].where(own['status'] == 'done')
    own = own.reset_index()
    rows = [raw.rows.get(name, {}) for name in own['participant_id']]
    names = raw_names(raw, units)
    kept = pd.DataFrame(
        {new: [row.get(old) for row in rows] for old, new in names.items()}, dtype=object
    )
    return pd.concat([own[['participant_id']], kept, own.drop(columns='participant_id')], axis=1)


def raw_names(raw: RawParticipants, units: pd.DataFrame) -> dict[str, str]:
    """Names of the raw columns, and what they are called beside deepmir's own."""
    taken = {'n_sessions', *ABOUT, *_counts(units)}
    return {name: f'raw_{name}' if name in taken else name for name in raw.columns}


def sessions_table(units: pd.DataFrame) -> pd.DataFrame:
    """Make the rows of ``sub-XX_sessions.tsv`` of those with several sessions, by participant."""
    sessions = units[units['session_id'].notna()]
    several = sessions[sessions.duplicated('participant_id', keep=False)]
    rows = several[['participant_id', *ABOUT, *_counts(units)]]
    return rows.sort_values('participant_id', kind='stable')


def _counts(units: pd.DataFrame) -> list[str]:
    names = list(units.columns)
    return names[names.index('n_cmb') :]
