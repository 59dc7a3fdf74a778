"""Find each unit's images with pybids, indexing no more than is asked for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepmir_bids.bids.publishing import make_once
from deepmir_bids.bids.unit_of_work import LABELS, MINIP, Unit, find_units, rank_swi
from deepmir_bids.data import load as load_data
from deepmir_bids.errors import UsageError
from deepmir_bids.settings import Settings

#: What a brain mask is found by (--brain-mask-from).
MASK_QUERY = {'desc': 'brain', 'suffix': 'mask', 'extension': ['.nii.gz', '.nii']}


def check_dataset(bids_dir: Path) -> None:
    """
    Look whether a folder calls itself a BIDS dataset.

    Raises
    ------
    UsageError
        It does not, or its description lacks what BIDS requires.

    """
    skip = '(--skip-bids-validation runs it all the same)'
    path = bids_dir / 'dataset_description.json'
    if not path.is_file():
        raise UsageError(f'{bids_dir} is not a BIDS dataset: no dataset_description.json {skip}.')
    try:
        description = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f'{path} cannot be read as JSON: {error} {skip}.') from error
    missing = [key for key in ('Name', 'BIDSVersion') if key not in description]
    if missing:
        raise UsageError(f'{path} lacks {" and ".join(missing)}, which BIDS requires {skip}.')


def load_queries(filter_file: Path | None) -> dict[str, dict[str, Any]]:
    """
    Return the queries by which each input is found: the defaults, updated by a filter file.

    Raises
    ------
    UsageError
        The file cannot be read, or names a query or an entity that nothing asks for.

    """
    queries: dict[str, dict[str, Any]] = json.loads(load_data('queries.json').read_text())
    if filter_file is None:
        return queries
    try:
        updates = json.loads(Path(filter_file).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f'{filter_file} cannot be read as JSON: {error}') from error
    unknown = sorted(set(updates) - set(queries))
    if unknown:
        raise UsageError(
            f'{filter_file} has an unknown query {", ".join(unknown)}: '
            f'the names are {", ".join(queries)}.'
        )
    for name, update in updates.items():
        misspelt = sorted(set(update) - _entity_names())
        if misspelt:
            raise UsageError(
                f'{filter_file}: the query {name} asks for an unknown entity '
                f'{", ".join(misspelt)}: pybids knows {", ".join(sorted(_entity_names()))}.'
            )
        queries[name].update(update)
        if not all(isinstance(suffix, str) for suffix in _listed(queries[name]['suffix'])):
            raise UsageError(f'{filter_file}: the query {name} needs a suffix, or several.')
    return queries


def _listed(asked) -> list:
    """One value, or several, of an entity in a query."""
    return asked if isinstance(asked, list) else [asked]


def _entity_names() -> set[str]:
    from bids.layout import Config

    return {name for kind in ('bids', 'derivatives') for name in Config.load(kind).entities}


def collect_units(settings: Settings) -> list[Unit]:
    """
    List every unit of the run with the files it has.

    Raises
    ------
    UsageError
        A participant, session or filter is unknown.

    """
    queries = load_queries(settings.bids_filter_file)
    relevant = _relevant([*queries.values(), MASK_QUERY])
    found = find_units(settings.bids_dir, settings.participant_label, settings.session_label)

    def index(root: Path):
        if settings.bids_database_dir:
            return _shared_index(root, relevant, settings.bids_database_dir)
        return _index(root, relevant, settings.participant_label)

    raw = index(settings.bids_dir)
    derivatives = {name: index(path) for name, path in settings.derivatives.items()}
    masks = [index(path) for path in settings.brain_mask_from.values()]
    return [
        _unit(subject, session, settings.inputs, queries, raw, derivatives, masks)
        for subject, session in found
    ]


def _relevant(queries: Sequence[dict[str, Any]]) -> str:
    """Pattern of the files worth indexing: what may be asked for, sidecars, the description."""
    suffixes = {suffix for query in queries for suffix in _listed(query['suffix'])}
    names = '|'.join(map(re.escape, sorted(suffixes)))
    return rf'(_({names})\.(nii|nii\.gz|json)|dataset_description\.json)$'


def _shared_index(root: Path, relevant: str, database_dir: Path):
    """Index of a whole dataset in a folder of its own: made once, read by all later runs."""
    from bids.layout import BIDSLayout

    digest = hashlib.sha256(f'{root.resolve()} {relevant}'.encode()).hexdigest()[:12]
    folder = database_dir / f'{root.resolve().name}-{digest}'
    make_once(folder, lambda empty: _index(root, relevant, (), empty))
    return BIDSLayout(root, validate=False, database_path=folder)


def _index(root: Path, relevant: str, only: Sequence[str], database: Path | None = None):
    """Index those participants' relevant files alone; every other folder is not even opened."""
    from bids.layout import BIDSLayout, BIDSLayoutIndexer

    labels = '|'.join(map(re.escape, only)) or '[^/]+'
    not_theirs = re.compile(rf'^/(?!sub-({labels})(/|$))(?!.*\.json$)[^/]+')
    not_an_image = re.compile(rf'/(?!.*{relevant})[^/]*\.[^/]+$')
    indexer = BIDSLayoutIndexer(validate=False, ignore=[not_theirs, not_an_image])
    return BIDSLayout(
        root,
        validate=False,
        indexer=indexer,
        config=['bids', 'derivatives'],
        database_path=database,
    )


def _unit(subject, session, inputs, queries, raw, derivatives, masks) -> Unit:
    """Choose one file for each input, and note every choice that a reader would ask about."""
    files: dict[str, Path] = {}
    metadata: dict[str, dict] = {}
    notes: list[str] = []
    for name in inputs:
        layouts = [raw, *derivatives.values()] if name == 'qsm' else [raw]
        found, layout = _first(layouts, queries[name], subject, session)
        if name == 'swi':
            found = _usable_as_swi(found)
        if not found:
            notes += _elsewhere(name, layouts, queries[name], subject, session)
            continue
        chosen = found[0]
        files[name] = Path(chosen.path)
        metadata[name] = dict(layout.get_metadata(chosen.path))
        if len(found) > 1:
            others = ', '.join(other.filename for other in found[1:])
            notes.append(f'{chosen.filename} is used as {name}, the first of several ({others}).')
        if name == 'swi' and rank_swi(chosen.get_entities()) == 2:
            notes.append(f'{chosen.filename} stands in for the SWI: there is none.')

    mask, _ = _first(masks, MASK_QUERY, subject, session)
    if masks and not mask:
        notes.append('--brain-mask-from has no mask of it: the template gives one.')
    return Unit(
        subject=subject,
        session=session,
        brain_mask=Path(mask[0].path) if mask else None,
        notes=tuple(notes),
        metadata=metadata,
        **files,
    )


def _first(layouts, query, subject, session):
    """Files of the first dataset that has any, in the order of their names."""
    from bids.layout import Query

    for layout in layouts:
        found = layout.get(
            subject=subject, session=session or Query.NONE, invalid_filters='allow', **query
        )
        if found:
            return sorted(found, key=lambda f: f.path), layout
    return [], None


def _usable_as_swi(found):
    """Best first; the lesser kinds are no alternatives, a minIP or phase is not one at all."""
    # A participant may be called MIP01.
    usable = [f for f in found if not MINIP.search(LABELS.sub('', f.filename))]
    ranks = [rank_swi(f.get_entities()) for f in usable]
    return [f for f, rank in zip(usable, ranks, strict=True) if rank == min(ranks)]


def _elsewhere(name, layouts, query, subject, session) -> list[str]:
    """Say when an input exists, only not in this session: it is left out on purpose."""
    if session is None:
        return []
    found = [
        f.get_entities().get('session')
        for layout in layouts
        for f in layout.get(subject=subject, invalid_filters='allow', **query)
    ]
    if not found:
        return []
    where = ', '.join(sorted({f'ses-{label}' if label else 'no session' for label in found}))
    return [f'{name} exists in {where} but not in ses-{session}: it is not used there.']
