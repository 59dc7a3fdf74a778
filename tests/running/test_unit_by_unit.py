"""Which step is next, in one process and in several."""

import itertools
from types import SimpleNamespace

import networkx as nx
import pytest
from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.running.unit_by_unit import OneByOnePlugin, UnitByUnitPlugin


def plugin_with(*steps: str, first: str = '', at_once: str = '') -> UnitByUnitPlugin:
    """A plugin with steps that are called ``unit.step``."""
    plugin = object.__new__(UnitByUnitPlugin)
    plugin.procs = [
        _Step(
            fullname=f'deepmir_wf.{step}',
            name=step.split('.')[1],
            run_without_submitting=step == at_once,
        )
        for step in steps
    ]
    plugin._to_come = {node: 1 + (node.name == first) for node in plugin.procs}
    return plugin


class _Step(SimpleNamespace):
    __hash__ = object.__hash__


def test_the_first_units_are_served_first():
    plugin = plugin_with(
        'sub_02.load', 'sub_01.load', 'sub_02.find', 'sub_01.find', 'sub_02.write'
    )
    assert plugin._sort_jobs([0, 1, 2, 3, 4]) == [0, 2, 4, 1, 3]
    assert plugin._sort_jobs([1, 4]) == [4, 1]


def test_in_a_unit_a_step_comes_first_that_many_wait_for():
    steps = 'sub_01.plot_brain', 'sub_02.plot_brain', 'sub_02.convert', 'sub_01.convert'
    plugin = plugin_with(*steps, first='convert')
    assert plugin._sort_jobs([0, 1, 2, 3]) == [3, 0, 2, 1]


def test_nothing_begins_before_the_network():
    plugin = plugin_with('sub_01.plot_brain', 'sub_02.load', 'sub_02.predict')
    assert plugin._sort_jobs([0, 1, 2]) == [2]
    assert plugin._sort_jobs([0, 1]) == [0, 1]


def test_what_takes_no_time_comes_before_all():
    plugin = plugin_with('sub_01.load', 'sub_01.plot', 'sub_02.notes', at_once='sub_02.notes')
    assert plugin._sort_jobs([0, 1, 2]) == [2]
    assert plugin._sort_jobs([0, 1]) == [0, 1]


def test_the_longest_row_of_steps_counts():
    graph = nx.DiGraph([('load', 'convert'), ('convert', 'find'), ('load', 'plot')])
    steps = {step: pe.Node(niu.IdentityInterface(fields=['x']), name=step) for step in graph}
    plugin = object.__new__(UnitByUnitPlugin)
    plugin._generate_dependency_list(nx.relabel_nodes(graph, steps))
    to_come = {node.name: number for node, number in plugin._to_come.items()}
    assert to_come == {'load': 3, 'convert': 2, 'find': 1, 'plot': 1}


def note(log, step, before=None):
    """Note a step down, save those of unit b, which fails."""
    assert step[0] != 'b'
    with open(log, 'a') as file:
        file.write(f'{step} ')
    return step


@pytest.mark.parametrize(('stop', 'done'), [(False, 'a1 a2 c1 c2 '), (True, 'a1 a2 ')])
def test_in_one_process_a_unit_is_done_before_the_next_one_begins(tmp_path, stop, done):
    whole = pe.Workflow(name='whole', base_dir=str(tmp_path))
    for unit in 'abc':
        workflow = pe.Workflow(name=unit)
        first, second = (
            pe.Node(niu.Function(function=note, output_names=['after']), name=f'{unit}{n}')
            for n in (1, 2)
        )
        for node in (first, second):
            node.inputs.trait_set(log=str(tmp_path / 'log'), step=node.name)
        workflow.connect(first, 'after', second, 'before')
        whole.add_nodes([workflow])
    whole.config['execution'] = {'stop_on_first_crash': stop, 'crashdump_dir': str(tmp_path)}
    with pytest.raises(Exception, match='AssertionError'):
        whole.run(plugin=OneByOnePlugin())
    assert (tmp_path / 'log').read_text() == done


class _Counted(UnitByUnitPlugin):
    """Counts how often it looks for steps."""

    looked = 0

    def _check_resources(self, running_tasks):
        self.looked += 1
        return super()._check_resources(running_tasks)


def slowly(log, step, seconds, before=None):
    """Note a step down after a while."""
    from time import sleep

    sleep(seconds)
    with open(log, 'a') as file:
        file.write(f'{step} ')
    return step


def test_a_long_step_is_waited_for_and_holds_up_no_other(tmp_path):
    whole = pe.Workflow(name='whole', base_dir=str(tmp_path))
    for unit, seconds in (('a', (2.0,)), ('b', (0.0, 0.0, 0.0))):
        workflow = pe.Workflow(name=unit)
        nodes = []
        for number, duration in enumerate(seconds, 1):
            function = niu.Function(function=slowly, output_names=['after'])
            # The second is carried out in the main process, between two that are not.
            node = pe.Node(function, name=f'{unit}{number}', run_without_submitting=number == 2)
            node.inputs.trait_set(log=str(tmp_path / 'log'), step=node.name, seconds=duration)
            nodes.append(node)
        workflow.add_nodes(nodes)
        for one, following in itertools.pairwise(nodes):
            workflow.connect(one, 'after', following, 'before')
        whole.add_nodes([workflow])
    whole.config['execution'] = {'poll_sleep_duration': 0.02, 'crashdump_dir': str(tmp_path)}
    plugin = _Counted({'n_procs': 2, 'memory_gb': 4})
    whole.run(plugin=plugin)
    assert (tmp_path / 'log').read_text() == 'b1 b2 b3 a1 '
    assert plugin.looked < 20
