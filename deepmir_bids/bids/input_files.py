"""Find each unit's images with pybids, indexing no more than is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepmir_bids.bids.filter_file import listed, load_queries
from deepmir_bids.bids.unit_of_work import LABELS, Unit, find_units, is_minip, rank_swi
from deepmir_bids.bids.whole_files import make_once
from deepmir_bids.settings import Settings

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
    relevant = _relevant([*queries.values(), MASK_QUERY])
    labels = find_units(settings.bids_dir, settings.participant_label, settings.session_label)

    def index(root: Path):
        if settings.bids_database_dir:
            return _shared_index(root, relevant, settings.bids_database_dir)
        return _index(root, relevant, settings.participant_label)

    raw = index(settings.bids_dir)
    derivatives = [index(path) for path in settings.derivatives.values()]
    layouts = {'swi': [raw], 'qsm': [raw, *derivatives], 't2w': [raw]}
    masks = [index(path) for path in settings.brain_mask_from.values()]
    return [
        _unit(subject, session, {name: layouts[name] for name in settings.inputs}, queries, masks)
        for subject, session in labels
    ]


def _relevant(queries: Sequence[dict[str, Any]]) -> str:
    """Pattern of the files worth indexing: what may be asked for, and the description."""
    suffixes = {suffix for query in queries for suffix in listed(query['suffix'])}
    names = '|'.join(map(re.escape, sorted(suffixes)))
    return rf'(_({names})\.(nii|nii\.gz)|dataset_description\.json)$'


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
    # No sidecar is read: images are told by their names and, later, by their content.
    indexer = BIDSLayoutIndexer(
        validate=False, ignore=[not_theirs, not_an_image], index_metadata=False
    )
    return BIDSLayout(
        root,
        validate=False,
        indexer=indexer,
        config=['bids', 'derivatives'],
        database_path=database,
    )


def _unit(
    subject: str,
    session: str | None,
    layouts: Mapping[str, Sequence],
    queries: Mapping[str, dict[str, Any]],
    masks: Sequence,
) -> Unit:
    """Choose one file for each input, and note every choice that a reader would ask about."""
    files: dict[str, Path] = {}
    notes: list[str] = []
    for name in layouts:
        images = _images(name, layouts[name], queries[name], subject, session)
        if name == 'swi':
            images = _usable_as_swi(images)
        if not images:
            notes += _elsewhere(name, layouts[name], queries[name], subject, session)
            continue
        chosen, *others = images
        files[name] = Path(chosen.path)
        if others:
            listing = ', '.join(other.filename for other in others)
            notes.append(f'{chosen.filename} is used as {name}, the first of several ({listing}).')
        if name == 'swi' and rank_swi(chosen.get_entities()) == 2:
            notes.append(f'{chosen.filename} stands in for the SWI: there is none.')

    mask = _images('mask', masks, MASK_QUERY, subject, session)
    if masks and not mask:
        notes.append('--brain-mask-from has no mask of it: the template gives one.')
    return Unit(
        subject=subject,
        session=session,
        brain_mask=Path(mask[0].path) if mask else None,
        notes=tuple(notes),
        **files,
    )


def _images(name: str, layouts: Sequence, query: Mapping[str, Any], subject, session) -> list:
    """Files of the first dataset that has any, in the order of their names.

    A filter's ``subject`` and ``session`` narrow the choice, save that another session may lend
    its QSM or T2w where the filter says so; an SWI is what a session is told by.
    """
    from bids.layout import Query

    query = dict(query)
    if 'subject' in query and subject not in map(str, listed(query.pop('subject'))):
        return []
    if name == 'swi' and 'session' in query:
        wanted = query.pop('session')
        if session not in [None if label is None else str(label) for label in listed(wanted)]:
            return []
    query.setdefault('session', session or Query.NONE)
    for layout in layouts:
        images = layout.get(subject=subject, invalid_filters='allow', **query)
        if images:
            return sorted(images, key=lambda image: image.path)
    return []


def _usable_as_swi(images: Sequence) -> list:
    """Best first; the lesser kinds are no alternatives, a minIP is not one at all."""
    # A participant may be called MIP01.
    usable = [image for image in images if not is_minip(LABELS.sub('', image.filename))]
    ranks = [rank_swi(image.get_entities()) for image in usable]
    return [image for image, rank in zip(usable, ranks, strict=True) if rank == min(ranks)]


def _elsewhere(name: str, layouts: Sequence, query: Mapping[str, Any], subject, session) -> list:
    """Say when an input exists, only not in this session: it is left out on purpose."""
    if session is None or {'subject', 'session'} & set(query):
        return []
    labels = {
        image.get_entities().get('session')
        for layout in layouts
        for image in layout.get(subject=subject, invalid_filters='allow', **query)
    }
    if not labels:
        return []
    where = ', '.join(sorted(f'ses-{label}' if label else 'no session' for label in labels))
    return [f'{name} exists in {where} but not in ses-{session}: it is not used there.']
