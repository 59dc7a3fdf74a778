"""Processes that steps are carried out in: none takes another one with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from deepmir_bids.processes import process_pool


class Workers:
    """A pool of processes, each on its own.

    Of a common pool nobody can tell which process was killed, and with what step; and all its
    other steps are lost.
    """

    def __init__(self, count: int):
        self._directory = os.getcwd()
        self._executors = [self._start() for _ in range(count)]
        self._futures: list[Future | None] = [None] * count

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Call a function in a free process; ``BrokenProcessPool`` if that one is killed."""
        free = next(n for n, future in enumerate(self._futures) if future is None or future.done())
        try:
            future = self._executors[free].submit(function, *arguments)
        except BrokenProcessPool:  # it was killed with its last step, or at rest
            self._executors[free].shutdown(wait=False)
            self._executors[free] = self._start()
            future = self._executors[free].submit(function, *arguments)
        self._futures[free] = future
        return future

    def shutdown(self) -> None:
        """End all processes when they are done."""
        for executor in self._executors:
            executor.shutdown()

    def _start(self) -> ProcessPoolExecutor:
        return process_pool(1, self._directory)
