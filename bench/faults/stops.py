"""Workers that are killed, and runs that are stopped, at random moments."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

from deepmir_bids.bids.run_records import read_records
from faults import fake_run
from faults.commands import Command, nothing_left
from faults.fake_results import tag_of
from faults.kills import finish, wait_for
from faults.watching import keep

#: How long a run may go on after its last step.
MOST_S = 10.0


def worker(chance: random.Random, folder: Path) -> str:
    """Kill the worker of one of four units; the others are done, and that one is named."""
    labels = fake_run.numbered(4)
    label, step = chance.choice(labels), chance.choice(fake_run.STEPS[:2])
    waits = folder / f'sub-{label}.{step}'
    waits.write_text('wait')
    run = partial(fake_run.main, folder, labels, 2, tag='one')
    command = Command(folder, run)
    at_work = folder / f'{waits.name}.pid'
    wait_for(at_work, command)
    others = [folder / f'sub-{other}.publish.pid' for other in labels if other != label]
    if chance.random() < 0.5:  # as the others are at it, or when they are done
        for path in others:
            wait_for(path, command)
    while not at_work.read_text():
        time.sleep(0.001)
    os.kill(int(at_work.read_text()), signal.SIGKILL)
    killed = time.monotonic()
    for path in others:
        wait_for(path, command)
    last = max(time.monotonic(), killed)
    said = command.end()
    keep(time.monotonic() - last < MOST_S, f'it went on for {time.monotonic() - last:.0f} s')
    keep(command.status == 1, f'ended with {command.status}: {said}')
    keep('3 of 4 units done' in said, said)
    keep(f'failed: sub-{label}: was killed, probably for want of memory' in said, said)
    for other in labels:
        if other != label:
            keep(tag_of(folder / 'out', f'sub-{other}') == 'one', 'no results')
    waits.unlink()
    finish(folder, run)
    keep(tag_of(folder / 'out', f'sub-{label}') == 'one', 'no results')
    nothing_left(folder)
    return f'in {step}'


def signalled(chance: random.Random, folder: Path) -> str:
    """Stop a run by SIGTERM or SIGINT, its main process or all of them."""
    number = chance.choice([signal.SIGTERM, signal.SIGINT])
    run = partial(fake_run.main, folder, fake_run.numbered(2), chance.choice([1, 2]), tag='one')
    command = Command(folder, run)
    step = folder / f'sub-{chance.choice(["01", "02"])}.{chance.choice(fake_run.STEPS)}.pid'
    if chance.random() < 0.7:
        wait_for(step, command)
    time.sleep(chance.uniform(0, 0.3))
    whole = number == signal.SIGINT and chance.random() < 0.5
    command.kill(number, whole)
    said = command.end()
    keep(command.status in (0, 128 + number), f'ended with {command.status}: {said}')
    if command.status:
        last = said.splitlines()[-1] if said else ''
        # Before the first line and after the last one there is nothing to go on from.
        keep(not last or 'deepmir: stopped' in last or 'units done' in last, f'no word: {said}')
        statuses = {r[-1].status for r in read_records(folder / 'out').values()}
        keep(statuses <= {'started', 'done'}, f'on record as {statuses}')
    keep(command.status != 0 or '2 of 2 units done' in said, said)
    finish(folder, run)
    for label in ('01', '02'):
        keep(tag_of(folder / 'out', f'sub-{label}') == 'one', 'no results')
    nothing_left(folder)
    return f'{signal.Signals(number).name}{" after its end" if command.status == 0 else ""}'
