"""Find each unit's images with pybids, indexing no more than is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmir_bids.bids.dataset_index import index_dataset, relevant_files, shared_index
from deepmir_bids.bids.filter_file import listed, load_queries
from deepmir_bids.bids.input_candidates import SUFFIXES, Candidate, rank_swi
from deepmir_bids.bids.input_choice import choose_file
from deepmir_bids.bids.near_misses import name_near_misses, unreadable_part
from deepmir_bids.bids.unit_of_work import Unit, find_units, unit_folder
from deepmir_bids.settings import Settings

#: Where a query asks for no session of its own.
_ANY = object()
#: What a brain mask is found by (--brain-mask-from).
MASK_QUERY = {'desc': 'brain', 'suffix': 'mask', 'extension': ['.nii.gz', '.nii']}


def collect_units(settings: Settings) -> list[Unit]:
    """List every unit of the run with the files it has.

    Raises
    ------
    UsageError
        A participant, session or filter is unknown.

    """
    queries = load_queries(settings.bids_filter_file)
    relevant = relevant_files([*queries.values(), MASK_QUERY])
    labels = find_units(settings.bids_dir, settings.participant_label, settings.session_label)

    def index(root: Path):
        if settings.bids_database_dir:
            return shared_index(root, relevant, settings.bids_database_dir)
        return index_dataset(root, relevant, settings.participant_label)

    raw = index(settings.bids_dir)
    derivatives = [index(path) for path in settings.derivatives.values()]
    layouts = {'swi': [raw], 'qsm': [raw, *derivatives], 't2w': [raw]}
    masks = [index(path) for path in settings.brain_mask_from.values()]
    used = {name: layouts[name] for name in settings.inputs}
    # Whoever asks for one session of several must not get what belongs to none.
    every = find_units(settings.bids_dir, settings.participant_label, ())
    sessions = Counter(subject for subject, _ in every)
    return [
        _unit(_Place(subject, session, sessions[subject] == 1), used, queries, masks)
        for subject, session in labels
    ]


@dataclass(frozen=True)
class _Place:
    """A subject and a session to look in; ``only`` if the raw dataset has no other of theirs."""

    subject: str
    session: str | None
    only: bool


def _unit(
    place: _Place,
    layouts: Mapping[str, Sequence],
    queries: Mapping[str, dict[str, Any]],
    masks: Sequence,
) -> Unit:
    """Choose one file for each input, and note every choice that a reader would ask about."""
    files: dict[str, Path] = {}
    notes: list[str] = []
    candidates = []
    for name in layouts:
        images, note = _images(name, layouts[name], queries[name], place)
        choice = choose_file(name, images, queries[name], files.get('swi'))
        candidates += choice
        for candidate in choice:
            if not candidate.left_out:
                files[name] = candidate.path
        if name in files:
            notes += _notes_on_choice(name, files[name], choice) + note
        else:
            notes += [str(candidate) for candidate in choice]
            notes += _elsewhere(name, layouts[name], queries[name], place)
            roots = [Path(layout.root) for layout in layouts[name]]
            notes += name_near_misses(name, roots, place.subject, place.session)

    mask, note = _images('mask', masks, MASK_QUERY, place)
    if masks and not mask:
        note = ['--brain-mask-from has no mask of it: the template gives one.']
    unreadable = ''
    if 'swi' not in files:
        folder = unit_folder(
            Path(layouts['swi'][0].root), Unit(place.subject, place.session).label
        )
        unreadable = unreadable_part(folder)
    return Unit(
        subject=place.subject,
        session=place.session,
        brain_mask=Path(mask[0].path) if mask else None,
        notes=(*notes, *note),
        candidates=tuple(candidates),
        unreadable=unreadable,
        **files,
    )


def _notes_on_choice(name: str, chosen: Path, choice: Sequence[Candidate]) -> list[str]:
    from bids.layout import parse_file_entities

    notes = []
    if others := [f'{one.path.name}: {one.left_out}' for one in choice if one.left_out]:
        notes.append(f'{chosen.name} is used as {name}; left out: {"; ".join(others)}.')
    suffix = chosen.name.split('.')[0].rpartition('_')[2]
    if name in SUFFIXES and suffix != SUFFIXES[name]:
        notes.append(f'{chosen.name} is taken as {name}; BIDS writes its suffix {SUFFIXES[name]}.')
    if name == 'swi' and rank_swi(parse_file_entities(chosen.name)) == 2:
        notes.append(f'{chosen.name} stands in for the SWI: there is none.')
    return notes


def _images(
    name: str, layouts: Sequence, query: Mapping[str, Any], place: _Place
) -> tuple[list, list[str]]:
    """Files of the first dataset that has any, in the order of their names, and what to note.

    A filter's ``subject`` and ``session`` narrow the choice, save that another session may lend
    its QSM or T2w where the filter says so; an SWI is what a session is told by. Of a participant
    with one scan, a dataset of derivatives may have the session, or lack it, where the raw one
    does not.
    """
    query = dict(query)
    if 'subject' in query and place.subject not in map(str, listed(query.pop('subject'))):
        return [], []
    if name == 'swi' and 'session' in query:
        wanted = query.pop('session')
        labels = [None if label is None else str(label) for label in listed(wanted)]
        if place.session not in labels:
            return [], []
    asked = query.pop('session', _ANY)
    for number, layout in enumerate(layouts):
        found = layout.get(subject=place.subject, invalid_filters='allow', **query)
        sessions = {image.get_entities().get('session') for image in found}
        wanted = [place.session] if asked is _ANY else listed(asked)
        note = []
        may_differ = place.only and (number > 0 or name == 'mask') and asked is _ANY
        if may_differ and len(sessions) == 1 and None in {place.session} ^ sessions:
            wanted = list(sessions)
            there = f'ses-{wanted[0]}' if wanted[0] else 'no session'
            text = f'the {name} is taken from {there} of {Path(layout.root).name}: '
            note = [f'{text}the participant has one scan in each dataset.']
        taken = {None if label is None else str(label) for label in wanted}
        images = [image for image in found if image.get_entities().get('session') in taken]
        if images:
            return sorted(images, key=lambda image: image.path), note
    return [], []


def _elsewhere(name: str, layouts: Sequence, query: Mapping[str, Any], place: _Place) -> list[str]:
    """Say when an input exists, only not in this session: it is left out on purpose."""
    if {'subject', 'session'} & set(query):
        return []
    labels = {
        image.get_entities().get('session')
        for layout in layouts
        for image in layout.get(subject=place.subject, invalid_filters='allow', **query)
    } - {place.session}
    if not labels or (place.session is None and name != 'qsm'):
        return []
    where = ', '.join(sorted(f'ses-{label}' if label else 'no session' for label in labels))
    here = f'ses-{place.session}' if place.session else 'no session'
    cure = f'(a filter file may ask for {{"{name}": {{"session": …}}}})'
    return [f'{name} exists in {where} but not in {here}: it is not used there {cure}.']
