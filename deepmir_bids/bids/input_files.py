"""Find each unit's images with pybids, indexing no more than is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmir_bids.bids.dataset_index import index_dataset, relevant_files, shared_index
from deepmir_bids.bids.filter_file import listed, load_queries
from deepmir_bids.bids.found_files import OF_UNIT, FoundFile, FoundFiles, find_files
from deepmir_bids.bids.input_candidates import SUFFIXES, Candidate, rank_swi
from deepmir_bids.bids.input_choice import choose_file
from deepmir_bids.bids.near_misses import name_near_misses
from deepmir_bids.bids.unit_of_work import Unit, find_units
from deepmir_bids.settings import Settings
from deepmir_bids.threads import side_by_side

#: What a brain mask is found by (--brain-mask-from).
MASK_QUERY = {'desc': 'brain', 'suffix': 'mask', 'extension': ['.nii.gz', '.nii']}


def collect_units(settings: Settings) -> list[Unit]:
    """List every unit of the run with the files it has.

    Raises
    ------
    UsageError
        A participant, session or filter is unknown.

    """
    search = search_datasets(settings)
    # Where names leave a choice, images are read.
    return list(side_by_side(search.unit, search.places, settings.nprocs))


@dataclass(frozen=True)
class Place:
    """A subject and a session to look in; ``only`` if the raw dataset has no other of theirs."""

    subject: str
    session: str | None
    only: bool


@dataclass(frozen=True)
class Search:
    """What the datasets have by name; which of it a unit takes is decided when one asks for it.

    Attributes
    ----------
    places
        A place for each unit, in their order.
    found
        Files of each dataset that may have an input, by the input's name.
    queries
        By which they were found.

    """

    places: Sequence[Place]
    found: Mapping[str, Sequence[FoundFiles]]
    queries: Mapping[str, Mapping[str, Any]]

    def unit(self, place: Place) -> Unit:
        """Choose one file for each input, and note every choice that a reader would ask about."""
        files: dict[str, Path] = {}
        notes: list[str] = []
        candidates: list[Candidate] = []
        for name, datasets in self.found.items():
            query = self.queries[name]
            images, note = _images(name, datasets, query, place)
            choice = choose_file(name, images, query, files.get('swi'))
            candidates += choice
            if taken := [one.path for one in choice if not one.left_out]:
                files[name] = taken[0]
                notes += _notes_on_choice(name, images, choice) + note
            else:
                notes += [str(candidate) for candidate in choice]
                notes += _notes_on_lack(name, datasets, query, place)
        return Unit(
            subject=place.subject,
            session=place.session,
            notes=tuple(notes),
            candidates=tuple(candidates),
            **files,
        )


def search_datasets(settings: Settings) -> Search:
    """Find by name, for all units at once, what may be an input.

    Raises
    ------
    UsageError
        As `collect_units`.

    """
    queries = {**load_queries(settings.bids_filter_file), 'brain_mask': MASK_QUERY}
    relevant = relevant_files([*queries.values()])
    only = settings.participant_label
    labels = find_units(settings.bids_dir, only, settings.session_label)

    def index(root: Path):
        if settings.bids_database_dir:
            return shared_index(root, relevant, settings.bids_database_dir)
        return index_dataset(root, relevant, only)

    raw = index(settings.bids_dir)
    derivatives = [index(path) for path in settings.derivatives.values()]
    layouts = {'swi': [raw], 'qsm': [raw, *derivatives], 't2w': [raw]}
    layouts = {name: layouts[name] for name in settings.inputs}
    if settings.brain_mask_from:
        layouts['brain_mask'] = [index(path) for path in settings.brain_mask_from.values()]
    found = {
        name: [find_files(layout, queries[name], only) for layout in several]
        for name, several in layouts.items()
    }
    # Whoever asks for one session of several must not get what belongs to none.
    sessions = Counter(subject for subject, _ in find_units(settings.bids_dir, only, ()))
    places = [Place(subject, session, sessions[subject] == 1) for subject, session in labels]
    return Search(places, found, queries)


def _images(
    name: str, datasets: Sequence[FoundFiles], query: Mapping[str, Any], place: Place
) -> tuple[Sequence[FoundFile], list[str]]:
    """Files of the first dataset that has any, in the order of their names, and what to note."""
    if not _is_asked_for(name, query, place):
        return [], []
    wanted = {place.session} if name == 'swi' else _sessions_asked(query, place)
    for number, dataset in enumerate(datasets):
        found = dataset.of(place.subject)
        may_differ = 'session' not in query and (number > 0 or name == 'brain_mask')
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


def _notes_on_choice(
    name: str, images: Sequence[FoundFile], choice: Sequence[Candidate]
) -> list[str]:
    notes = []
    (chosen,) = (one.path for one in choice if not one.left_out)
    (entities,) = (image.entities for image in images if image.path == chosen)
    if others := [f'{one.path.name}: {one.left_out}' for one in choice if one.left_out]:
        notes.append(f'{chosen.name} is used as {name}; left out: {"; ".join(others)}.')
    suffix = chosen.name.split('.')[0].rpartition('_')[2]
    if name in SUFFIXES and suffix != SUFFIXES[name]:
        notes.append(f'{chosen.name} is taken as {name}; BIDS writes its suffix {SUFFIXES[name]}.')
    if name == 'swi' and rank_swi(entities) == 2:
        notes.append(f'{chosen.name} stands in for the SWI: there is none.')
    return notes


def _notes_on_lack(
    name: str, datasets: Sequence[FoundFiles], query: Mapping[str, Any], place: Place
) -> list[str]:
    """Say what might have been meant as an input that a unit lacks."""
    if name == 'brain_mask':
        return ['--brain-mask-from has no mask of it: the template gives one.']
    roots = [dataset.root for dataset in datasets]
    return [
        *_elsewhere(name, datasets, query, place),
        *name_near_misses(name, roots, place.subject, place.session),
    ]


def _elsewhere(
    name: str, datasets: Sequence[FoundFiles], query: Mapping[str, Any], place: Place
) -> list[str]:
    """Say when an input exists, only not in this session: it is left out on purpose."""
    if set(OF_UNIT) & set(query):
        return []
    found = [image for dataset in datasets for image in dataset.of(place.subject)]
    labels = {image.session for image in found} - {place.session}
    if not labels or (place.session is None and name != 'qsm'):
        return []
    where = ', '.join(sorted(f'ses-{label}' if label else 'no session' for label in labels))
    here = f'ses-{place.session}' if place.session else 'no session'
    cure = f'(a filter file may ask for {{"{name}": {{"session": …}}}})'
    return [f'{name} exists in {where} but not in {here}: it is not used there {cure}.']
