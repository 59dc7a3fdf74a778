"""What a person reads of each step: how long it took, or that there was nothing to do."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from deepmir_bids.running import terminal_progress
from deepmir_bids.running.terminal_progress import RunProgress


@pytest.fixture
def says(monkeypatch):
    """Return a function that tells the display of a step, and returns the line it prints."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(terminal_progress.time, 'monotonic', lambda: clock.now)

    def say(name, status, seconds=None, here=False):
        """``seconds`` since its start was told, if it was; ``here``: in the main process."""
        out = io.StringIO()
        shown = RunProgress({'sub_01_wf': 'sub-01'}, Console(file=out, width=99))
        node = SimpleNamespace(
            name=name, fullname=f'deepmir_wf.sub_01_wf.{name}', run_without_submitting=here
        )
        if seconds is not None:
            shown.on_status(node, 'start')
            clock.now += seconds
        for one in [status, 'end'] if status == 'exception' else [status]:
            shown.on_status(node, one)
        return out.getvalue().strip()

    return say


def test_a_step_that_ran_says_how_long(says):
    assert says('predict', 'end', 8.26).endswith('sub-01  running the network: 8.3 s')


def test_a_step_that_was_found_done_says_so(says):
    assert says('predict', 'end').endswith('running the network: done before')
    assert says('predict', 'end', 0.01).endswith('running the network: done before')


def test_of_a_step_in_the_main_process_the_beginning_is_not_known(says):
    assert says('publish', 'end', here=True).endswith('writing the results: done')
    assert says('publish', 'end', 0.0, here=True).endswith('writing the results: 0.0 s')


def test_a_step_that_failed_says_so(says):
    assert says('align_t2w', 'exception', 4.0).endswith('failed, 4.0 s')
    assert says('publish', 'exception', here=True).endswith('writing the results: failed')


def test_what_is_not_run_after_a_failure_is_not_told():
    """Nipype reports it as ended; a step that ran beside it is told."""
    out = io.StringIO()
    labels = {'sub_01_wf': 'sub-01', 'sub_02_wf': 'sub-02'}
    shown = RunProgress(labels, Console(file=out, width=99))

    def tell(unit, name, *statuses):
        node = SimpleNamespace(
            name=name, fullname=f'deepmir_wf.{unit}.{name}', run_without_submitting=False
        )
        for status in statuses:
            shown.on_status(node, status)

    tell('sub_01_wf', 'load_qsm', 'start')
    tell('sub_01_wf', 'outline', 'start', 'exception', 'end')
    tell('sub_01_wf', 'load_qsm', 'end')
    tell('sub_01_wf', 'predict', 'end')
    tell('sub_01_wf', 'publish', 'end')
    tell('sub_02_wf', 'publish', 'end')
    lines = [line.split(maxsplit=1)[1] for line in out.getvalue().splitlines()]
    assert len(lines) == 2
    assert lines[0].startswith('sub-01  reading the QSM')
    assert lines[1].startswith('sub-02  writing the results')
    assert shown.published == {'sub-02'}
