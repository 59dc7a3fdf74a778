"""What a labelled structure is, and the three regions that microbleeds are counted in."""

from __future__ import annotations

from dataclasses import dataclass

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
