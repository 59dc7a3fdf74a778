"""Nipype's plugins for one machine, unit by unit; several processes may be killed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from traceback import format_exception
from typing import Any

import networkx as nx
from nipype.pipeline.plugins.linear import LinearPlugin
from nipype.pipeline.plugins.multiproc import MultiProcPlugin
from nipype.utils.misc import str2bool

from deepmir_bids.errors import KilledError
from deepmir_bids.running.workers import Workers


class UnitByUnitPlugin(MultiProcPlugin):
    """Serve the first units first, and go on without the unit whose process was killed.

    Of a unit the steps that make its page come last: all others wait for each other.

    Nipype takes the steps as they come: first the first step of every unit, then the second of
    every unit, and a cohort that is stopped halfway has no finished participant. And it waits for
    ever for a process that was killed, which is what happens where memory runs out.
    """

    def __init__(self, plugin_args: dict[str, Any] | None = None):
        super().__init__(plugin_args=plugin_args)
        self.pool = Workers(self.processors)

    def _sort_jobs(self, jobids: Sequence[int], scheduler: str = 'tsort') -> list[int]:
        ranks: dict[str, int] = {}
        for node in self.procs:
            ranks.setdefault(unit_of(node), len(ranks))
        nodes = {job: self.procs[job] for job in jobids}
        return sorted(nodes, key=lambda job: (ranks[unit_of(nodes[job])], of_page(nodes[job])))

    def _send_procs_to_workers(self, updatehash=False, graph=None):
        """Start what can be started; when there is no more, wait until a step has ended.

        Nipype looks again and again, which took a sixth of a core.
        """
        begun = self.proc_done.sum()
        super()._send_procs_to_workers(updatehash, graph)
        if self.pending_tasks and self.proc_done.sum() == begun:
            wait([self._task_obj[task] for task, _ in self.pending_tasks], None, FIRST_COMPLETED)

    def _async_callback(self, args: Future) -> None:
        """Nothing: results are asked for."""

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        future = self._task_obj[taskid]
        if not future.done():
            return None
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, BrokenProcessPool):
            error = KilledError()
        return {'result': None, 'traceback': format_exception(error), 'taskid': taskid}


class OneByOnePlugin(LinearPlugin):
    """Serve one unit after another, in one process, for the same reason."""

    def run(self, graph, config, updatehash=False):
        """Run the units, each of which is a graph of its own; raise the first of their errors."""
        errors = []
        for nodes in list(nx.weakly_connected_components(graph)):
            try:
                super().run(graph.subgraph(nodes), config, updatehash)
            except Exception as error:
                if str2bool(config['execution']['stop_on_first_crash']):
                    raise
                errors.append(error)
        if errors:
            raise errors[0]


def unit_of(node) -> str:
    """Name of the unit's workflow that a node belongs to."""
    return node.fullname.split('.')[1]


def of_page(node) -> bool:
    """Whether a step makes a part of a unit's page."""
    return 'report_wf' in node.fullname.split('.')
