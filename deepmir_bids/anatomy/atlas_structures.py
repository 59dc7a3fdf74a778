"""What a labelled structure is, and the three regions that microbleeds are counted in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Region and its value in every region map (0 outside the brain), after MARS
#: (Gregoire et al., Neurology 2009;73:1759).
REGIONS = {'lobar': 1, 'deep': 2, 'infratentorial': 3}

#: The nuclei in which an iron deposit counts: a structure's name without its side.
BASAL_GANGLIA = ('caudate', 'putamen', 'pallidum')


@dataclass(frozen=True)
class Structure:
    """One label of an atlas: its value in the image, its name and its region."""

    index: int
    name: str
    region: str

    @property
    def kind(self) -> str:
        """The name without its side: ``'caudate'`` for ``'left caudate'``."""
        return self.name.removeprefix('left ').removeprefix('right ')

    @property
    def in_basal_ganglia(self) -> bool:
        """Whether it is caudate, putamen or pallidum, however an atlas spells them."""
        return any(word in self.name.lower() for word in ('caudate', 'putamen', 'pallid'))


def read_structures(table: str | Path) -> tuple[Structure, ...]:
    """Structures of a dseg.tsv with ``index``, ``name`` and, if known, ``hemi`` and ``region``.

    A region that the table does not give stays empty. A hemisphere is put before the name.

    Raises
    ------
    ValueError
        When a column is missing, an index is twice there or a region is none of `REGIONS`.
    """
    import pandas as pd

    frame = pd.read_csv(table, sep='\t', dtype=str, keep_default_na=False)
    missing = {'index', 'name'} - set(frame.columns)
    if missing:
        raise ValueError(f'{Path(table).name} has no column {" or ".join(sorted(missing))}')
    side = frame.get('hemi', pd.Series('', frame.index)).map({'L': 'left ', 'R': 'right '})
    names = side.fillna('') + frame['name']
    regions = frame.get('region', pd.Series('', frame.index))
    unknown = sorted(set(regions) - {'', *REGIONS})
    if unknown:
        raise ValueError(f'{Path(table).name} has a region that is not known: {unknown[0]}')
    if frame['index'].duplicated().any():
        twice = frame['index'][frame['index'].duplicated()].iloc[0]
        raise ValueError(f'{Path(table).name} has index {twice} more than once')
    rows = zip(frame['index'], names, regions, strict=True)
    return tuple(Structure(int(index), name, region) for index, name, region in rows if int(index))


def basal_ganglia_indices(structures: Iterable[Structure]) -> list[int]:
    """Label values of caudate, putamen and pallidum."""
    return [structure.index for structure in structures if structure.in_basal_ganglia]
