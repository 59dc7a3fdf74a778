"""What a command that runs the app ends with, whatever happens to it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from deepmir_bids.errors import InputError, UsageError, is_full, no_room
from deepmir_bids.running.nameless_user import with_home_and_name
from deepmir_bids.running.stopping import StopOnSignal, Stopped


def exit_status(command: str, work: Callable[[], int]) -> int:
    """Do the work of a command; return its status, or that of what stopped it, and say what."""
    try:
        with StopOnSignal(), with_home_and_name():
            return work()
    except (UsageError, InputError) as error:
        print(f'{command}: {error}', file=sys.stderr)
        return 2
    except OSError as error:
        if not is_full(error):
            raise
        print(f'{command}: {no_room(error.filename or "of a file")}', file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 128 + stopped.number
