"""Sidecars of a unit's results: what each row of the table of results wants to have said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deepmir_bids.bids.output_row import Result
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.data import load as load_data


def complete_sidecars(
    results: Iterable[Result], facts: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Write the content of every sidecar of a unit.

    Parameters
    ----------
    results
        Those that there are.
    facts
        What is known, by the names in :attr:`deepmir_bids.bids.output_files.Result.facts`.

    Returns
    -------
    dict
        Name of each result that has a sidecar, and its content.

    Raises
    ------
    KeyError
        If a fact is not known that a result wants to have said.

    """
    sidecars = {}
    for result in results:
        if result.facts:
            content: dict[str, Any] = dict(result.constants)
            for fact in result.facts:
                content |= facts[fact]
            sidecars[result.name] = content | read_columns(result.columns)
    return sidecars


def read_columns(file_name: str) -> dict[str, Any]:
    """Columns of a table, as a file in ``data/`` describes them; the manual shows the same."""
    if not file_name:
        return {}
    return json.loads(load_data(file_name).read_text(encoding='utf-8'))


def source_facts(unit: Unit, roots: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Facts on where a unit's images come from, as BIDS URIs.

    Parameters
    ----------
    unit
        The unit with its files.
    roots
        Name and root of every dataset that was read.

    """
    uris = {name: [bids_uri(path, roots) for path in unit.sources(name)] for name in unit.inputs}
    every = dict.fromkeys(uri for of_one in uris.values() for uri in of_one)
    return {
        'reference': {'SpatialReference': uris['swi'][0]},
        'sources': {'Sources': list(every)},
        **{f'source_{name}': {'Sources': of_one} for name, of_one in uris.items()},
    }


def bids_uri(path: Path, roots: Mapping[str, Path]) -> str:
    """BIDS URI of a file: the dataset it lies in, and its path there.

    Examples
    --------
    >>> bids_uri(Path('/d/sub-01/a.nii'), {'raw': Path('/d'), 'q': Path('/d/derivatives/q')})
    'bids:raw:sub-01/a.nii'

    """
    # The deepest root wins: a derivatives dataset may lie inside the raw one.
    inside = {name: root for name, root in roots.items() if path.is_relative_to(root)}
    name = max(inside, key=lambda key: len(inside[key].parts))
    return f'bids:{name}:{path.relative_to(inside[name]).as_posix()}'
