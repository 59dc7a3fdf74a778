"""Commands of deepmir in processes of their own, which may be killed.

They are forks of this process, which has imported everything: a start takes a tenth of a second.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import io
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from faults.watching import Broken, Fence, Pulse, keep, left, ours

#: Linux' ``capset``: the version of its two structures.
CAPABILITIES = 0x20080522


def _told(said: str) -> None:
    print(f'Fence: {said}', file=sys.stderr, flush=True)


_fence = Fence(_told)
#: What commands import.
MODULES = (
    'bids',
    'nipype.pipeline.engine',
    'plotly.graph_objects',
    'deepmir_bids.group.read_cohort',
    'deepmir_bids.group.write_group',
    'deepmir_bids.reports.group_page',
    'deepmir_bids.running.dry_run',
    'deepmir_bids.running.group_level',
    'deepmir_bids.running.participant_level',
    'deepmir_bids.running.unit_by_unit',
    'deepmir_bids.workflows.whole_app',
)


@functools.cache
def _import_all() -> None:
    for module in MODULES:
        importlib.import_module(module)


class Command:
    """A command that runs on a folder; what it says and leaves is checked at its end.

    Parameters
    ----------
    folder
        Where ``out``, ``work``, ``tmp`` and what is fake may lie: it writes nowhere else.
    function
        What to do; gives the exit status.
    powerless
        Whether root, too, is stopped by the permissions of files.

    """

    def __init__(self, folder: Path, function: Callable[[], int], *, powerless: bool = False):
        _import_all()
        self.folder = folder
        self.temporary = folder / 'tmp'
        self.temporary.mkdir(parents=True, exist_ok=True)
        self._output = folder / f'said-{time.monotonic_ns()}'
        self._powerless = powerless
        begun, release = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(begun)
            self._run(function, release)
        os.close(release)
        os.read(begun, 1)  # it leads its own session, and signals are its own
        os.close(begun)
        self.status: int | None = None

    def kill(self, number: int, whole: bool = False) -> None:
        """Send a signal to it, or to all of its processes."""
        if not self.ended():
            (os.killpg if whole else os.kill)(self.pid, number)

    def ended(self) -> bool:
        """Whether it has come to its end."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def end(self) -> str:
        """Wait for its end; return what it said. No process and no temporary file is left.

        Raises
        ------
        Broken
            It hangs, or left something, or said what is none of deepmir's sentences.

        """
        pulse, looked = Pulse(self.pid), time.monotonic()
        while not self.ended():
            if time.monotonic() > looked + 0.5:
                looked = time.monotonic()
                if pulse.hangs():
                    self.kill(signal.SIGKILL, whole=True)
                    raise Broken(f'hangs: {self.said[-2000:]!r}')
            time.sleep(0.005)
        remain = left(self.pid)
        if remain:
            os.killpg(self.pid, signal.SIGKILL)
        keep(not remain, f'processes are left: {remain}')
        ours(self.said)
        return self.said

    @property
    def said(self) -> str:
        """What it has said up to now."""
        return self._output.read_text(errors='replace') if self._output.exists() else ''

    def _run(self, function: Callable[[], int], release: int) -> None:
        status = 99
        try:
            os.setsid()
            gc.freeze()
            output = os.open(self._output, os.O_WRONLY | os.O_CREAT, 0o666)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.stdout, sys.stderr = (
                io.TextIOWrapper(io.FileIO(number, 'w', closefd=False), line_buffering=True)
                for number in (1, 2)
            )
            os.environ |= {'TMPDIR': str(self.temporary), 'HOME': str(self.folder)}
            tempfile.tempdir = None
            if self._powerless:
                header, none = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
                keep(ctypes.CDLL(None).capset(header, none) == 0, 'root keeps its powers')
            _fence.only([self.folder])
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: os._exit(128 + number))
            os.close(release)
            status = function()
        except SystemExit as ended:  # argparse
            status = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def nothing_left(folder: Path) -> None:
    """No temporary file, and none of the hidden ones that a run has while it writes.

    The log folder of a run that was killed is nobody else's, and stays as it was.
    """
    temporary = [path.name for path in (folder / 'tmp').iterdir()]
    keep(not temporary, f'temporary files are left: {temporary}')
    for name in ('out', 'work'):
        found = [path.relative_to(folder) for path in (folder / name).rglob('.*')]
        hidden = [str(p) for p in found if p.name != '.bidsignore' and 'logs' not in p.parts]
        keep(not hidden, f'hidden files are left: {hidden}')
