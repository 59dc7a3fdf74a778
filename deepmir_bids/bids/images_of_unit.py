"""Files of a unit in several datasets: of which session, and from which dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepmir_bids.bids.filter_file import listed
from deepmir_bids.bids.found_files import FoundFile, FoundFiles


@dataclass(frozen=True)
class Place:
    """A subject and a session to look in; ``only`` if the raw dataset has no other of theirs."""

    subject: str
    session: str | None
    only: bool


def images_of(
    name: str, datasets: Sequence[FoundFiles], query: Mapping[str, Any], place: Place
) -> tuple[Sequence[FoundFile], list[str]]:
    """Files of the first dataset that has any, in the order of their names, and what to note."""
    if not _is_asked_for(name, query, place):
        return [], []
    wanted = {place.session} if name == 'swi' else _sessions_asked(query, place)
    for dataset in datasets:
        found = dataset.of(place.subject)
        may_differ = 'session' not in query and dataset.derived
        other = _other_name_of_session(found, place) if may_differ else set()
        if images := [image for image in found if image.session in (other or wanted)]:
            return images, [_note_on_session(name, dataset, *other)] if other else []
    return [], []


def _is_asked_for(name: str, query: Mapping[str, Any], place: Place) -> bool:
    """Whether a filter wants an input of this subject, and the SWI of this session.

    Another session may lend its QSM or T2w; an SWI is what a session is told by.
    """
    if 'subject' in query and place.subject not in map(str, listed(query['subject'])):
        return False
    return name != 'swi' or place.session in _sessions_asked(query, place)


def _sessions_asked(query: Mapping[str, Any], place: Place) -> set[str | None]:
    """Sessions that an input may come from: the unit's own, or those that a filter gives."""
    labels = listed(query.get('session', place.session))
    return {None if label is None else str(label) for label in labels}


def _other_name_of_session(found: Sequence[FoundFile], place: Place) -> set[str | None]:
    """The session of a participant's only scan, where this dataset calls it otherwise.

    A dataset of derivatives may have the session, or lack it, where the raw one does not.
    """
    sessions = {image.session for image in found}
    differ = len(sessions) == 1 and None in {place.session} ^ sessions
    return sessions if place.only and differ else set()


def _note_on_session(name: str, dataset: FoundFiles, session: str | None) -> str:
    there = f'ses-{session}' if session else 'no session'
    return (
        f'the {name} is taken from {there} of {dataset.root.name}: '
        'the participant has one scan in each dataset.'
    )
