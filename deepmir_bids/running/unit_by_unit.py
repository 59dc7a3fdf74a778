"""Nipype's MultiProc, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence

from nipype.pipeline.plugins.multiproc import MultiProcPlugin


class UnitByUnitPlugin(MultiProcPlugin):
    """Serve the first units first, so that they finish one after another and not all at the end.

    Nipype takes the steps as they come: first the first step of every unit, then the second of
    every unit, and a cohort that is stopped halfway has no finished participant.
    """

    def _sort_jobs(self, jobids: Sequence[int], scheduler: str = 'tsort') -> list[int]:
        ranks: dict[str, int] = {}
        for node in self.procs:
            ranks.setdefault(unit_of(node), len(ranks))
        return sorted(jobids, key=lambda job: ranks[unit_of(self.procs[job])])


def unit_of(node) -> str:
    """Name of the unit's workflow that a node belongs to."""
    return node.fullname.split('.')[1]
