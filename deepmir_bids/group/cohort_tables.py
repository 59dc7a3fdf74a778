"""All tables of the group level, and what each of their columns means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from deepmir_bids.bids.run_records import RawParticipants
from deepmir_bids.data import load
from deepmir_bids.group.cohort_qc import qc_table
from deepmir_bids.group.lesion_counts import SOURCES
from deepmir_bids.group.mixed_results import find_mixtures
from deepmir_bids.group.participant_rows import (
    participants_table,
    raw_names,
    sessions_table,
    units_with_counts,
)
from deepmir_bids.group.prevalence import summary_table
from deepmir_bids.group.read_cohort import Cohort
from deepmir_bids.group.site_review import SiteReview
from deepmir_bids.lesions.lesion_table import REVIEWED
from deepmir_bids.lesions.lesion_table import columns as lesion_columns

LESIONS = (
    'participant_id', 'session_id', 'template', 'model', 'version', *lesion_columns(),
    *REVIEWED,
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A cohort, summed up; ``units`` are the cohort's with their counts."""

    cohort: Cohort
    units: pd.DataFrame
    participants: pd.DataFrame
    sessions: pd.DataFrame
    lesions: pd.DataFrame
    summary: pd.DataFrame
    qc: pd.DataFrame
    mixtures: list[str]
    site: SiteReview | None = None


def make_tables(cohort: Cohort, by: Sequence[str] = (), site: SiteReview | None = None) -> Group:
    """Make every table; ``by`` as for :func:`deepmir_bids.group.prevalence.summary_table`."""
    summary = summary_table(cohort, by)
    units = units_with_counts(cohort)
    return Group(
        cohort=cohort,
        units=units,
        participants=participants_table(units, cohort.raw),
        sessions=sessions_table(units),
        lesions=cohort.lesions[list(LESIONS)],
        summary=summary,
        qc=qc_table(cohort.units),
        mixtures=find_mixtures(cohort.units),
        site=site,
    )


def describe_columns(group: Group) -> dict[str, dict[str, Any]]:
    """Describe the columns of each table, by its name: participants, sessions, lesions, …"""
    known = json.loads(load('group_columns.json').read_text(encoding='utf-8'))
    units, counts = known['units'], {**known['counts'], **_as_reviewed(known['counts'])}
    raw = _raw_columns(group.cohort.raw, group.units)
    review = json.loads(load('review_columns.json').read_text(encoding='utf-8'))
    described = {
        'participants': {**units, **counts, **known['participants'], **raw},
        'sessions': {**units, **counts},
        'lesions': {**units, **review, **lesion_columns(), **known['lesions']},
        'summary': known['summary'],
        'qc': {**units, **known['qc']},
        'thresholds': known['thresholds'],
    }
    tables = {
        'participants': group.participants,
        'lesions': group.lesions,
        'summary': group.summary,
        'qc': group.qc,
        'sessions': group.sessions.drop(columns='participant_id'),
    }
    if group.site:
        tables['thresholds'] = group.site.table
    return {
        name: {str(column): described[name][str(column)] for column in table}
        for name, table in tables.items()
    }


def _as_reviewed(counts: dict[str, Any]) -> dict[str, Any]:
    source = SOURCES[1]
    return {
        f'{source}_{name}': {
            **{key: value for key, value in about.items() if key != 'LongName'},
            'Description': f'As reviewed, what nobody looked at as found: {about["Description"]}',
        }
        for name, about in counts.items()
    }


def _raw_columns(raw: RawParticipants, units: pd.DataFrame) -> dict[str, Any]:
    return {
        new: raw.descriptions.get(old)
        or {'Description': f'Column {old} of the raw dataset’s participants.tsv.'}
        for old, new in raw_names(raw, units).items()
    }
