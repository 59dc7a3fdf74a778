"""Which step is next, in one process and in several."""

import itertools
from types import SimpleNamespace

import pytest
from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.running.unit_by_unit import OneByOnePlugin, UnitByUnitPlugin


def test_the_first_units_are_served_first():
    plugin = object.__new__(UnitByUnitPlugin)
    steps = ['sub_02.load', 'sub_01.load', 'sub_02.find', 'sub_01.find', 'sub_02.write']
    plugin.procs = [SimpleNamespace(fullname=f'deepmir_wf.{step}') for step in steps]
    assert plugin._sort_jobs([0, 1, 2, 3, 4]) == [0, 2, 4, 1, 3]
    assert plugin._sort_jobs([1, 4]) == [4, 1]


def test_a_page_comes_last_in_its_unit():
    plugin = object.__new__(UnitByUnitPlugin)
    steps = ['sub_01.report_wf.plot_brain', 'sub_02.report_wf.plot_brain', 'sub_01.detection_wf.x']
    plugin.procs = [SimpleNamespace(fullname=f'deepmir_wf.{step}') for step in steps]
    assert plugin._sort_jobs([0, 1, 2]) == [2, 0, 1]


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
