"""What a signal does to a run."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from deepmir_bids.running.stopping import StopOnSignal, Stopped


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_an_import_stops_the_run(monkeypatch, number):
    # What is being imported is there already, and has nothing in it.
    for name in [name for name in sys.modules if name.startswith('deepmir_bids.running')]:
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    with pytest.raises(Stopped) as stopped, StopOnSignal():
        os.kill(os.getpid(), number)
    assert stopped.value.number == number
