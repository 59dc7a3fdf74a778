"""Which step is next when there are several processes."""

from types import SimpleNamespace

from deepmir_bids.running.unit_by_unit import UnitByUnitPlugin


def test_the_first_units_are_served_first():
    plugin = object.__new__(UnitByUnitPlugin)
    steps = ['sub_02.load', 'sub_01.load', 'sub_02.find', 'sub_01.find', 'sub_02.write']
    plugin.procs = [SimpleNamespace(fullname=f'deepmir_wf.{step}') for step in steps]
    assert plugin._sort_jobs([0, 1, 2, 3, 4]) == [0, 2, 4, 1, 3]
    assert plugin._sort_jobs([1, 4]) == [4, 1]
