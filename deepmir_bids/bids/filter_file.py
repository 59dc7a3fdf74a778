"""The queries by which images are found, and the file that updates them (--bids-filter-file)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deepmir_bids.data import load as load_data
from deepmir_bids.errors import UsageError


def load_queries(filter_file: Path | None) -> dict[str, dict[str, Any]]:
    """Return the queries by which each input is found: the defaults, updated by a filter file.

    Raises
    ------
    UsageError
        The file cannot be read, or names a query or an entity that nothing asks for.

    """
    queries: dict[str, dict[str, Any]] = json.loads(load_data('queries.json').read_text())
    if filter_file is None:
        return queries
    for name, update in _read(filter_file, queries).items():
        _check_entities(filter_file, name, update)
        queries[name].update(update)
        if not all(isinstance(suffix, str) for suffix in listed(queries[name]['suffix'])):
            raise UsageError(f'{filter_file}: the query {name} needs a suffix, or several.')
    return queries


def listed(asked: Any) -> list:
    """One value, or several, of an entity in a query."""
    return asked if isinstance(asked, list) else [asked]


def _read(path: Path, queries: dict[str, Any]) -> dict[str, dict[str, Any]]:
    try:
        updates = json.loads(path.read_text(encoding='utf-8-sig'))
    except (OSError, ValueError) as error:
        raise UsageError(f'{path} cannot be read as JSON: {error}') from error
    names = ', '.join(queries)
    if not isinstance(updates, dict):
        raise UsageError(f'{path} holds no JSON object: it has entities for each of {names}.')
    unknown = sorted(set(updates) - set(queries))
    if unknown:
        raise UsageError(
            f'{path} has an unknown query {", ".join(unknown)}: the names are {names}.'
        )
    return updates


def _check_entities(path: Path, name: str, update: Any) -> None:
    if not isinstance(update, dict):
        raise UsageError(
            f'{path}: the query {name} is {json.dumps(update)}, where entities with their values '
            'are needed, such as {"acquisition": "highres"}.'
        )
    known = _entity_names()
    misspelt = sorted(set(update) - known)
    if misspelt:
        raise UsageError(
            f'{path}: the query {name} asks for an unknown entity {", ".join(misspelt)}: '
            f'pybids knows {", ".join(sorted(known))}.'
        )
    for entity, asked in update.items():
        for value in listed(asked):
            if not isinstance(value, str | int | float | None):
                raise UsageError(
                    f'{path}: the query {name} wants {entity} to be {json.dumps(value)}: give '
                    'text, a number, null, or a list of these.'
                )


def _entity_names() -> set[str]:
    from bids.layout import Config

    return {name for kind in ('bids', 'derivatives') for name in Config.load(kind).entities}
