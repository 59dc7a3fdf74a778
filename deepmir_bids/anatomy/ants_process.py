"""Run ANTs in a process of its own, so that the same input always gives the same result.

ITK reads its number of threads once a process, several threads sum in any order, and what a
process did before may change what it does next. So each call has a fresh process, on one thread.
It is forked from a server (`ants_server`) that has ants imported, which takes seconds. Python's
own ``forkserver`` does not do: it is one for all of a process, it runs the caller's ``__main__``
again, and it fails in a process that was forked from one that had used it.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from deepmir_bids.anatomy.ants_server import CALL, RESULT, ChildTraceback
from deepmir_bids.anatomy.call_files import dump, load
from deepmir_bids.bids.living_process import mark
from deepmir_bids.errors import KilledError
from deepmir_bids.threads import thread_variables


class AntsProcessError(RuntimeError):
    """The process that ran ANTs died: the message says of what."""


def run_in_ants_process(function: Callable, *arguments: Any, **named: Any) -> Any:
    """Call a function in a fresh process with one thread, and return what it returns.

    Temporary files of the function lie in a folder that is removed at the end; its working
    directory is the caller's.

    Parameters
    ----------
    function
        A function of an importable module.
    arguments, named
        What it takes: anything that can be pickled, and nibabel images. An image that lies in a
        file is read there.

    Raises
    ------
    AntsProcessError
        When the process died, for want of memory for instance.
    Exception
        Whatever the function raises, as it is.

    """
    with tempfile.TemporaryDirectory(prefix=f'deepmir-ants-{mark()}-') as folder:
        dump((os.getcwd(), function, arguments, named), Path(folder, CALL))
        status = _server.carry_out(folder)
        if status:
            raise AntsProcessError(_obituary(function.__name__, status))
        result, error, child_traceback = load(Path(folder, RESULT))
    if error is not None:
        raise error from ChildTraceback(child_traceback)
    return result


def _obituary(name: str, status: int) -> str:
    if status != -signal.SIGKILL:
        how = f'by {signal.Signals(-status).name}' if status < 0 else f'with status {status}'
        return f'The process of ANTs ({name}) ended {how}: run it again, and look at its log.'
    return f'The process of ANTs ({name}) {KilledError()}'


class _Server:
    """The server of this process; a process that is forked from this one starts its own."""

    _connection: Connection | None = None
    _process: subprocess.Popen | None = None

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def carry_out(self, folder: str) -> int:
        """Carry out the call in a folder; exit status of its process."""
        with self._lock:
            try:
                connection = self._connection or self._start()
                connection.send(folder)
                return connection.recv()
            except (EOFError, OSError):
                return self.stop() or 1
            except BaseException:
                self.stop()
                raise

    def _start(self) -> Connection:
        self._connection, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 (nothing in it comes from data)
                [sys.executable, '-m', 'deepmir_bids.anatomy.ants_server', str(number)],
                # Python finds the same modules there as here, and none in the working directory.
                env={
                    **os.environ,
                    **thread_variables(1),
                    'PYTHONPATH': os.pathsep.join(filter(None, sys.path)),
                },
                cwd='/',
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
            )
        return self._connection

    def stop(self) -> int:
        """End the server, and with it a call that it carries out; its exit status."""
        status = 0
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            status = self._process.wait()
        self._connection = self._process = None
        return status

    def leave_to_parent(self) -> None:
        """In a forked process: hold nothing of the parent's server, which ends with the parent."""
        if self._connection is not None:
            self._connection.close()
        self._lock = threading.Lock()
        self._connection = self._process = None


_server = _Server()
os.register_at_fork(after_in_child=_server.leave_to_parent)
atexit.register(_server.stop)
