"""A row of the table of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Entities in the order of their names, and how a file name writes them.
ENTITIES = {
    'from': 'from',
    'to': 'to',
    'mode': 'mode',
    'space': 'space',
    'segmentation': 'seg',
    'label': 'label',
    'desc': 'desc',
}


@dataclass(frozen=True)
class Result:
    """One file of a unit.

    Attributes
    ----------
    name
        What it is called in the workflows.
    text
        What it holds, for people.
    suffix, extension, entities, datatype
        Parts of its path. ``{template}`` and ``{atlas}`` in an entity are those of the run.
    needs
        What the unit must have for it to exist: an input (``'t2w'``, ``'qsm'``), or a reader's
        review; ``'maps'`` where only a run leaves it that makes images. Empty where every run
        leaves it.
    facts
        Which facts stand in its sidecar (:func:`deepmir_bids.bids.sidecars.complete_sidecars`);
        one without facts has none.
    constants
        What stands in every such sidecar.
    columns
        The file of ``data/`` that describes the columns of its table.
    core
        Whether later steps read it, so that a unit without it is not finished. What is not core
        may be new since the results were made, or deleted by whoever needs the room.

    """

    name: str
    text: str
    suffix: str
    extension: str = '.nii.gz'
    entities: Mapping[str, str] = field(default_factory=dict)
    datatype: str = 'anat'
    needs: str = ''
    facts: tuple[str, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    columns: str = ''
    core: bool = False

    @property
    def ending(self) -> str:
        """How its name goes on after the unit's own entities, ``_desc-brain_mask.nii.gz``."""
        pairs = [f'{ENTITIES[key]}-{value}' for key, value in _in_order(self.entities)]
        return '_' + '_'.join([*pairs, self.suffix]) + self.extension

    def ending_of(self, template: str, atlas: str) -> str:
        """The ending in a run that used this template and this atlas."""
        return self.ending.format(template=template, atlas=atlas)

    def entities_of(self, template: str, atlas: str) -> dict[str, str]:
        """Entities in a run that used this template and this atlas, with suffix and datatype."""
        own = {
            key: value.format(template=template, atlas=atlas)
            for key, value in self.entities.items()
        }
        return {**own, 'suffix': self.suffix, 'datatype': self.datatype}


def _in_order(entities: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(key, entities[key]) for key in ENTITIES if key in entities]
