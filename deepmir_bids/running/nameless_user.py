"""A user of a container whom its system does not know: neither a name nor a home."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def with_home_and_name() -> Iterator[None]:
    """Give such a user both for the time of a run: pybids, Nipype and others ask for them.

    The home is a temporary folder; where the user has one of their own, nothing is done.
    """
    with contextlib.ExitStack() as stack:
        try:
            Path.home()
        except RuntimeError:
            import tempfile

            from deepmir_bids.bids.living_process import mark

            home = tempfile.TemporaryDirectory(
                prefix=f'deepmir-home-{mark()}-', ignore_cleanup_errors=True
            )
            stack.enter_context(_variable('HOME', stack.enter_context(home)))
        try:
            getpass.getuser()
        except (KeyError, OSError):
            stack.enter_context(_variable('LOGNAME', f'uid{os.getuid()}'))
        yield


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
