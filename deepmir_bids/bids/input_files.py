"""Find each unit's images with pybids, indexing no more than is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from deepmir_bids.bids.brain_masks import (
    ANY_MASK,
    MASK_QUERY,
    OF_FIRST_T1W,
    first_t1w_session,
    why_no_mask,
)
from deepmir_bids.bids.dataset_index import index_dataset, relevant_files, shared_index
from deepmir_bids.bids.echo_choice import ECHOES, with_echoes
from deepmir_bids.bids.echo_files import ECHO_QUERY
from deepmir_bids.bids.filter_file import load_queries
from deepmir_bids.bids.found_files import OF_UNIT, FoundFile, FoundFiles, find_files
from deepmir_bids.bids.images_of_unit import Place, images_of
from deepmir_bids.bids.input_candidates import (
    STAND_IN,
    SUFFIXES,
    Candidate,
    rank_swi,
)
from deepmir_bids.bids.input_choice import choose_file
from deepmir_bids.bids.near_misses import name_near_misses, unreadable_part
from deepmir_bids.bids.unit_of_work import Unit, find_units, unit_folder
from deepmir_bids.settings import Settings
from deepmir_bids.threads import side_by_side


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
    settings
        Of the run, which say what is made from magnitude and phase.
    echoes
        Files of the raw dataset that may be these.
    other_masks
        Brain masks of whatever space, to name where none can be used.

    """

    places: Sequence[Place]
    found: Mapping[str, Sequence[FoundFiles]]
    queries: Mapping[str, Mapping[str, Any]]
    settings: Settings
    echoes: FoundFiles | None = None
    other_masks: Sequence[FoundFiles] = ()

    def unit(self, place: Place) -> Unit:
        """Choose one file for each input, and note every choice that a reader would ask about."""
        files: dict[str, Any] = {}
        notes: list[str] = []
        candidates: list[Candidate] = []
        for name in self.found:
            query = self.queries[name]
            images, note = self._images(name, place)
            choice = choose_file(name, images, query, files.get('swi'))
            candidates += choice
            if taken := [one.path for one in choice if not one.left_out]:
                files[name] = taken[0]
                notes += _notes_on_choice(name, images, choice) + note
            else:
                notes += [str(candidate) for candidate in choice]
                notes += self._notes_on_lack(name, place)
        unit = Unit(
            subject=place.subject,
            session=place.session,
            notes=tuple(notes),
            candidates=tuple(candidates),
            unreadable='' if 'swi' in files else unreadable_part(self._folder(place)),
            **files,
        )
        raw = [self.echoes] if self.echoes else []
        echoes, _ = images_of(ECHOES, raw, ECHO_QUERY, place)
        return with_echoes(unit, echoes, self.found['swi'][0].root, self.settings)

    def _folder(self, place: Place) -> Path:
        label = Unit(place.subject, place.session).label
        return unit_folder(self.found['swi'][0].root, label)

    def _images(self, name: str, place: Place) -> tuple[Sequence[FoundFile], list[str]]:
        """Files that may be an input, and what to note of where they are."""
        datasets, query = self.found[name], self.queries[name]
        images, note = images_of(name, datasets, query, place)
        if name == 'swi' and not any(rank_swi(image.entities) < STAND_IN for image in images):
            # An SWI that another tool made goes before a magnitude that would stand in.
            made, note_on_made = images_of(name, self._proper_swi, query, place)
            return [*made, *images], note_on_made or note
        if name == 'brain_mask' and not images and place.session == self._first_session(place):
            return images_of(name, datasets, {**query, 'session': None}, place)[0], [OF_FIRST_T1W]
        return images, note

    @cached_property
    def _proper_swi(self) -> list[FoundFiles]:
        return [
            found.only(lambda file: rank_swi(file.entities) == 0) for found in self.found['swi']
        ]

    def _first_session(self, place: Place) -> str | None:
        return first_t1w_session(self.found['swi'][0].root, place.subject)

    def _notes_on_lack(self, name: str, place: Place) -> list[str]:
        """Say what might have been meant as an input that a unit lacks."""
        if name == 'brain_mask':
            return [why_no_mask(self.other_masks, place.subject)]
        datasets = self.found[name]
        roots = [dataset.root for dataset in datasets]
        return [
            *_elsewhere(name, datasets, self.queries[name], place),
            *name_near_misses(name, roots, place.subject, place.session),
        ]


def search_datasets(settings: Settings) -> Search:
    """Find by name, for all units at once, what may be an input.

    Raises
    ------
    UsageError
        As `collect_units`.

    """
    queries = {**load_queries(settings.bids_filter_file), 'brain_mask': MASK_QUERY}
    makes = settings.reconstruct != 'never'
    relevant = relevant_files([*queries.values(), *([ECHO_QUERY] if makes else [])])
    only = settings.participant_label
    labels = find_units(settings.bids_dir, only, settings.session_label)

    @cache
    def index(root: Path):
        if settings.bids_database_dir:
            return shared_index(root, relevant, settings.bids_database_dir)
        return index_dataset(root, relevant, only)

    def find(root: Path, query: Mapping[str, Any]) -> FoundFiles:
        return find_files(index(root), query, only, derived=root != settings.bids_dir)

    found = {}
    for name in settings.inputs:
        # A T2w comes from the raw dataset; what was made of others may be an SWI or a QSM.
        made = () if name == 't2w' else settings.derivatives.values()
        found[name] = [find(path, queries[name]) for path in (settings.bids_dir, *made)]
    masks = settings.brain_mask_from.values()
    if masks:
        found['brain_mask'] = [find(path, MASK_QUERY) for path in masks]
    other_masks = [find(path, ANY_MASK) for path in masks]
    # Whoever asks for one session of several must not get what belongs to none.
    sessions = Counter(subject for subject, _ in find_units(settings.bids_dir, only, ()))
    places = [Place(subject, session, sessions[subject] == 1) for subject, session in labels]
    echoes = find(settings.bids_dir, ECHO_QUERY) if makes else None
    return Search(places, found, queries, settings, echoes, other_masks)


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
    if name == 'swi' and rank_swi(entities) == STAND_IN:
        notes.append(f'{chosen.name} stands in for the SWI: there is none.')
    return notes


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
