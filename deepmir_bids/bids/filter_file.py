"""The queries by which images are found, and the file that updates them (--bids-filter-file)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deepmir_bids.bids.schema import Kind, fault, is_number
from deepmir_bids.bids.text_files import read_json
from deepmir_bids.data import load as load_data
from deepmir_bids.errors import UsageError

#: A query for more values than this is no query.
MOST_VALUES = 1000
_VALUE = Kind(
    'text, a number or null',
    lambda v: isinstance(v, str | None) or (is_number(v) and abs(v) < 2**53),
)


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
        for entity, wanted in (('suffix', 'a suffix'), ('extension', 'an extension')):
            values = listed(queries[name][entity])
            if not values or not all(isinstance(value, str) for value in values):
                raise UsageError(f'{filter_file}: the query {name} needs {wanted}, or several.')
    return queries


def listed(asked: Any) -> list:
    """One value, or several, of an entity in a query."""
    return asked if isinstance(asked, list) else [asked]


def _read(path: Path, queries: dict[str, Any]) -> dict[str, dict[str, Any]]:
    names = ', '.join(queries)
    updates = read_json(path, f'it has entities for each of {names}', UsageError)
    unknown = sorted(set(updates) - set(queries))
    if unknown:
        raise UsageError(
            f'{path} has an unknown query {", ".join(unknown)}: the names are {names}.'
        )
    return updates


def _check_entities(path: Path, name: str, update: Any) -> None:
    if not isinstance(update, dict):
        raise UsageError(
            f'{path}: the query {name} is {json.dumps(update)[:60]}, where entities with their '
            'values are needed, such as {"acquisition": "highres"}.'
        )
    known = _entity_names()
    misspelt = sorted(set(update) - known)
    if misspelt:
        raise UsageError(
            f'{path}: the query {name} asks for an unknown entity {", ".join(misspelt)}: '
            f'pybids knows {", ".join(sorted(known))}.'
        )
    for entity, asked in update.items():
        if wrong := fault(listed(asked), [_VALUE], entity):
            raise UsageError(f'{path}: in the query {name}, {wrong}, or a list of these.')
        if len(listed(asked)) > MOST_VALUES:
            raise UsageError(
                f'{path}: the query {name} asks for {len(asked):,} values of {entity}: give '
                f'{MOST_VALUES} at most.'
            )


def _entity_names() -> set[str]:
    from bids.layout import Config

    return {name for kind in ('bids', 'derivatives') for name in Config.load(kind).entities}
