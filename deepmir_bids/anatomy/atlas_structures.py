"""What a labelled structure is, and the three regions that microbleeds are counted in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deepmir_bids.anatomy.structure_kinds import KINDS, kind_of
from deepmir_bids.bids.tsv import read_rows
from deepmir_bids.errors import InputError

#: Region and its value in every region map (0 outside the brain), after MARS
#: (Gregoire et al., Neurology 2009;73:1759).
REGIONS = {'lobar': 1, 'deep': 2, 'infratentorial': 3}

#: The kinds of structures in which an iron deposit counts.
BASAL_GANGLIA = ('caudate', 'putamen', 'pallidum')


@dataclass(frozen=True)
class Structure:
    """One label of an atlas: its value in the image, its name, its region and its kind.

    ``region`` is one of `REGIONS`, ``kind`` one of `structure_kinds.KINDS`, the same for both
    sides and all parts of a structure; either is ``''`` where it is not known.
    """

    index: int
    name: str
    region: str
    kind: str


def read_structures(table: str | Path) -> tuple[Structure, ...]:
    """Structures of a dseg.tsv: ``index``, ``name`` and perhaps ``hemi``, ``region``, ``kind``.

    A region that the table does not give stays empty; a kind that it does not give is recognised
    from the name. A hemisphere is put before the name.

    Raises
    ------
    InputError
        When it cannot be read, a column is missing, an index is no whole number or twice there,
        or a region or a kind is not known.

    """
    import pandas as pd

    cure = 'give index and name of each structure'
    rows = read_rows(Path(table), ('index', 'name'), cure)
    frame = pd.DataFrame(rows, columns=None if rows else ['index', 'name'], dtype=str)
    frame = frame.replace('n/a', '')
    absent = pd.Series('', frame.index)
    names = frame.get('hemi', absent).map({'L': 'left ', 'R': 'right '}).fillna('') + frame['name']
    regions = frame.get('region', absent)
    kinds = frame.get('kind', absent).str.lower()
    for column, values, known in (('region', regions, REGIONS), ('kind', kinds, KINDS)):
        if unknown := sorted(set(values) - {'', *known}):
            raise InputError(f'{table} has a {column} that is not known ({unknown[0]}): {cure}.')
    whole = frame['index'].str.fullmatch('[0-9]{1,9}')
    if not whole.all():
        odd = frame['index'][~whole].iloc[0]
        raise InputError(f'{table} has an index that is no whole number ({odd}): {cure}.')
    if frame['index'].duplicated().any():
        twice = frame['index'][frame['index'].duplicated()].iloc[0]
        raise InputError(f'{table} has index {twice} more than once: {cure}.')
    structures = zip(frame['index'].astype(int), names, regions, kinds, strict=True)
    return tuple(
        Structure(index, name, region, kind or kind_of(name))
        for index, name, region, kind in structures
        if index
    )


def basal_ganglia_indices(structures: Iterable[Structure]) -> list[int]:
    """Label values of caudate, putamen and pallidum."""
    return [structure.index for structure in structures if structure.kind in BASAL_GANGLIA]
