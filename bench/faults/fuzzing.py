"""Hostile files by the hundred thousand, in as many processes as there are cores."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from faults.watching import Broken

FUZZ = Path(__file__).parents[1] / 'fuzz.py'
#: At a share of 1, over all readers.
EXECUTIONS = 1_000_000


def fuzz(chance: random.Random, folder: Path, share: float) -> dict[str, int]:
    """Run the campaign of ``fuzz.py`` with other seeds in each process."""
    count = len(os.sched_getaffinity(0))
    each = max(100, -(-round(EXECUTIONS * share) // count))
    processes = []
    for number in range(count):
        figures = folder / f'{number}.json'
        seed = chance.randrange(2**31)
        command = [sys.executable, FUZZ, str(each), '--seed', str(seed), '--json', figures]
        processes.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    executions: dict[str, int] = {}
    said = [process.communicate()[0] for process in processes]
    for number, process in enumerate(processes):
        if process.returncode:
            raise Broken(said[number][-4000:])
        for name, done in json.loads((folder / f'{number}.json').read_text()).items():
            executions[name] = executions.get(name, 0) + done
    return executions
