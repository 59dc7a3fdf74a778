"""What the campaign looks for would be found."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import watching


@pytest.fixture
def session():
    """Return a function that starts a line of Python in a session of its own."""
    started = []

    def start(line: str) -> subprocess.Popen:
        started.append(subprocess.Popen([sys.executable, '-c', line], start_new_session=True))
        time.sleep(0.5)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_run_that_stands_still_hangs(session, monkeypatch):
    monkeypatch.setattr(watching, 'STILL_S', 0.5)
    pulse = watching.Pulse(session('import time; time.sleep(60)').pid)
    deadline = time.monotonic() + 20
    while not pulse.hangs():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_run_that_works_does_not_hang(session, monkeypatch):
    monkeypatch.setattr(watching, 'STILL_S', 2.0)
    pulse = watching.Pulse(session('while True: pass').pid)
    for _ in range(30):
        assert not pulse.hangs()
        time.sleep(0.1)


def test_a_run_that_never_ends_hangs(session, monkeypatch):
    monkeypatch.setattr(watching, 'HANG_S', 0.2)
    pulse = watching.Pulse(session('while True: pass').pid)
    time.sleep(0.3)
    assert pulse.hangs()


def test_a_process_that_stays_is_found(session, monkeypatch):
    monkeypatch.setattr(watching, 'GONE_S', 0.2)
    process = session('import time; time.sleep(60)')
    assert watching.left(process.pid) == [str(process.pid)]


@pytest.mark.parametrize(
    'said', ['Traceback (most recent call last):', 'KeyError: 3', 'Fence: open outside: /x']
)
def test_an_error_that_is_not_ours_is_found(said):
    with pytest.raises(watching.Broken):
        watching.ours(f'deepmir: 1 unit failed.\n{said}')


FENCED = """
import sys
sys.path.insert(0, {bench!r})
from pathlib import Path
from faults.watching import Fence

fence = Fence(lambda said: print(said.split(':')[0]))
fence.only([Path({inside!r})])
for name in ('inside/a', 'outside/__pycache__/m.pyc', 'outside/a'):
    (Path({folder!r}) / name).write_text('x')
"""


def test_a_fence_tells_what_is_written_outside_but_for_compiled_modules(tmp_path):
    for name in ('inside', 'outside/__pycache__'):
        (tmp_path / name).mkdir(parents=True)
    bench = str(Path(watching.__file__).parents[1])
    code = FENCED.format(bench=bench, inside=str(tmp_path / 'inside'), folder=str(tmp_path))
    said = subprocess.check_output([sys.executable, '-c', code], text=True)
    assert said.splitlines() == ['open outside']
