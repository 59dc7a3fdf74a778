"""Many units, one after another: what a process holds does not grow from one to the next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from faults import fake_run

FAKE = Path(fake_run.__file__)
UNITS = 64
STEPS = ('load_swi', 'predict', 'publish')
#: Each step tells the time, its process, and that one's open files and resident pages.
TELL = (
    'Path(folder, f"{unit}.{name}.load").write_text(" ".join([str(time.monotonic()), '
    'str(os.getpid()), str(len(os.listdir("/proc/self/fd"))), '
    'Path("/proc/self/statm").read_text().split()[1]]))'
)
MOST_GROWTH_MB = 4


@pytest.fixture(scope='module')
def processes(tmp_path_factory):
    """Open files and MB of each process after each of its steps, and what is left in TMPDIR."""
    folder, temporary = (tmp_path_factory.mktemp(name) for name in ('run', 'tmp'))
    for number in range(1, UNITS + 1):
        for step in STEPS:
            (folder / f'sub-{number:02d}.{step}').write_text(TELL)
    command = [sys.executable, FAKE, folder, str(UNITS), '2']
    environment = {**os.environ, 'TMPDIR': str(temporary)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f'{UNITS} of {UNITS} units done' in done.stdout
    found = defaultdict(list)
    told = [path.read_text().split() for path in folder.glob('*.load')]
    for _, process, files, pages in sorted(told, key=lambda words: float(words[0])):
        megabytes = int(pages) * os.sysconf('SC_PAGE_SIZE') / 1e6
        found[process].append((int(files), megabytes))
    return list(found.values()), list(temporary.iterdir())


def test_memory_and_open_files_do_not_grow(processes):
    told, _ = processes
    assert len(told) == 3  # two workers, and the process that publishes
    for steps in told:
        settled = steps[len(steps) // 4]
        assert steps[-1][0] <= settled[0]
        assert steps[-1][1] - settled[1] < MOST_GROWTH_MB


def test_no_temporary_file_stays(processes):
    assert processes[1] == []
