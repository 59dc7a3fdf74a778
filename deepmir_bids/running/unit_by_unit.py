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

#: The network's step.
NETWORK = 'predict'


class UnitByUnitPlugin(MultiProcPlugin):
    """Serve the first units first, and go on without the unit whose process was killed.

    Of a unit the step comes first that has the longest row of steps after it; and nothing is begun
    before the network, which may take all processes.

    Nipype takes the steps as they come: first the first step of every unit, then the second of
    every unit, and a cohort that is stopped halfway has no finished participant. And it waits for
    ever for a process that was killed, which is what happens where memory runs out.
    """

    def __init__(self, plugin_args: dict[str, Any] | None = None):
        super().__init__(plugin_args=plugin_args)
        self.pool = Workers(self.processors)

    def _generate_dependency_list(self, graph):
        super()._generate_dependency_list(graph)
        self._to_come: dict[Any, int] = {}
        for node in reversed(list(nx.topological_sort(graph))):
            after = (self._to_come[following] for following in graph.successors(node))
            self._to_come[node] = 1 + max(after, default=0)

    def _sort_jobs(self, jobids: Sequence[int], scheduler: str = 'tsort') -> list[int]:
        ranks: dict[str, int] = {}
        for node in self.procs:
            ranks.setdefault(unit_of(node), len(ranks))
        nodes = {job: self.procs[job] for job in jobids}
        # What takes no time is done before others take all processes: more may wait for it.
        at_once = {job: node for job, node in nodes.items() if node.run_without_submitting}
        nodes = at_once or nodes

        def place(job: int) -> tuple[int, int]:
            return ranks[unit_of(nodes[job])], -self._to_come[nodes[job]]

        order = sorted(nodes, key=place)
        # Were others begun as long as it does not fit, it never would.
        return [job for job in order if nodes[job].name == NETWORK] or order

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
