"""The process that ANTs runs in: it imports ants once, and forks a child for each call.

It is started by `ants_process`, by file number of a socket, and ends when the socket is closed:
with the process that started it, however that ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from deepmir_bids.anatomy.call_files import dump, load

#: What lies in the folder of a call: what to do, and what came of it.
CALL, RESULT = 'call.pickle', 'result.pickle'


class ChildTraceback(Exception):
    """The traceback of the child, shown as the cause of an error that it raised."""

    def __str__(self) -> str:
        return f'\n{self.args[0]}'


def serve(requests: Connection) -> None:
    """Carry out calls, one after another, until the socket is closed.

    A request is the folder of a call; the answer is the exit status of the child that carried it
    out, negative for the signal that killed it.
    """
    while True:
        try:
            folder = Path(requests.recv())
        except EOFError:
            return
        running, held_by_child = os.pipe()
        if not (child := os.fork()):
            requests.close()
            _carry_out(folder)
        os.close(held_by_child)
        # The pipe closes with the child. Nothing is sent meanwhile: it can only be the end.
        ended = requests in wait([requests, running])
        os.close(running)
        if ended:
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended:
            shutil.rmtree(folder, ignore_errors=True)  # its owner was killed, perhaps
            return
        requests.send(status)


def _carry_out(folder: Path) -> None:
    """Call a function in this process, leave its result or its error, and end the process."""
    status = 1
    try:
        os.environ['TMPDIR'] = tempfile.tempdir = str(folder)
        dump(_outcome(folder / CALL), folder / RESULT)
        status = 0
    except Exception:
        traceback.print_exc()  # of what cannot be pickled
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _outcome(call: Path) -> tuple[Any, Exception | None, str]:
    """Result of a call, or its error and where it arose."""
    try:
        working_directory, function, arguments, named = load(call)
        os.chdir(working_directory)
        return function(*arguments, **named), None, ''
    except Exception as error:
        return None, error, traceback.format_exc()


def main() -> None:
    """Import what the calls need, then serve."""
    # A terminal and a scheduler send these to all processes. This one ends with its owner, when it
    # has removed the files of the call.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import ants  # noqa: F401
    import nibabel  # noqa: F401
    import pandas  # noqa: F401
    import skimage.filters  # noqa: F401
    from scipy import ndimage  # noqa: F401

    serve(Connection(int(sys.argv[1])))


if __name__ == '__main__':
    main()
