"""A run that is stopped, by Ctrl+C or by the system, ends at once and as a whole."""

from __future__ import annotations

import multiprocessing
import signal
from types import FrameType

#: What asks a run to end, and what is said then.
SIGNALS: dict[int, str] = {
    signal.SIGINT: 'deepmir: stopped; the same command goes on from here.',
    signal.SIGTERM: 'deepmir: stopped by SIGTERM; the same command goes on from here.',
}


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return SIGNALS[self.number]


class StopOnSignal:
    """Within this context SIGINT and SIGTERM kill the workers and raise `Stopped`."""

    def __init__(self) -> None:
        self._number: int | None = None

    def __enter__(self) -> StopOnSignal:
        self._before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise again what a step has kept to itself: Nipype's steps keep everything."""
        if self._number is not None:
            raise Stopped(self._number)

    def _stop(self, number: int, _: FrameType | None) -> None:
        # Nothing is imported here: the signal may come in the midst of an import.
        self._number = number
        kill_workers()
        raise Stopped(number)


def kill_workers() -> None:
    """Kill every process that this one has started for steps, and wait for its end."""
    workers = multiprocessing.active_children()
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
