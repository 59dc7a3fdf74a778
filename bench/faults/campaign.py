"""The table of faults, and how they are tried: one after the other, each time from a seed."""

from __future__ import annotations

import inspect
import platform
import random
import resource
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults import bad_inputs, clocks, full_disks, fuzzing, kills, starts, stops
from faults.watching import Broken

#: After so many failures of one fault no more are looked for.
MOST_BROKEN = 5


@dataclass(frozen=True)
class Fault:
    """A kind of fault: what it is called, what is done once, and how often in a campaign.

    ``do`` takes a source of chance and an empty folder, and where it wants them the number of the
    trial and the share of the campaign; it returns what kind of trial it was, or several with
    their counts.
    """

    name: str
    text: str
    do: Callable[..., str | Mapping[str, int]]
    times: int


FAULTS = (
    Fault(
        'kill',
        'SIGKILL of the participant level at a random moment, and the same command again',
        kills.participant_level,
        100,
    ),
    Fault(
        'kill-group',
        'SIGKILL of the group level at a random moment, and the same command again',
        kills.group_level,
        100,
    ),
    Fault('double', 'two starts of the same units at once', starts.same_unit, 25),
    Fault('double-group', 'two group levels at once', starts.group_level_twice, 10),
    Fault('array', 'many starts on one output folder, two of each unit', starts.many, 1),
    Fault('full', 'no room for results, records and pages', full_disks.of_results, 60),
    Fault('full-work', 'no room in the work folder', full_disks.of_work, 70),
    Fault('full-group', 'no room for tables, maps and page', full_disks.of_group, 60),
    Fault('clock', 'clocks a minute to thirty years wrong, between two runs', clocks.jump, 20),
    Fault('worker', 'SIGKILL of a worker of four units', stops.worker, 25),
    Fault('stop', 'SIGTERM or SIGINT at a random moment', stops.signalled, 50),
    Fault('archive', 'a participant with an SWI that is none', bad_inputs.archive, 1),
    Fault(
        'option', 'an option or its file that is wrong', bad_inputs.option, len(bad_inputs.OPTIONS)
    ),
    Fault('fuzz', 'files made to do harm, for each reader', fuzzing.fuzz, 1),
)


@dataclass
class Figures:
    """What came of a fault: how often it was tried, by kind of trial, and what broke a rule."""

    name: str
    text: str
    tried: Counter[str] = field(default_factory=Counter)
    broken: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0


def try_fault(fault: Fault, seed: int, share: float, only: int | None = None) -> Figures:
    """Try a fault as often as its share asks for, or one trial by its number."""
    figures = Figures(fault.name, fault.text)
    begin, cpu = time.monotonic(), _cpu_s()
    trials = range(max(1, round(fault.times * share))) if only is None else [only]
    known = inspect.signature(fault.do).parameters
    for trial in trials:
        chance = random.Random(f'{seed} {fault.name} {trial}')
        number = trial if share >= 1 else chance.randrange(fault.times)
        asked = {'number': number, 'share': share}
        wanted = {name: value for name, value in asked.items() if name in known}
        with tempfile.TemporaryDirectory(prefix='faults-') as folder:
            try:
                came = fault.do(chance, Path(folder), **wanted)
                figures.tried.update({came: 1} if isinstance(came, str) else came)
            except Exception as error:
                rule = str(error) if isinstance(error, Broken) else traceback.format_exc()
                figures.broken.append({'trial': trial, 'rule': rule})
                again = f'--only {fault.name} --seed {seed} --share {share:g} --trial {trial}'
                print(f'  BROKEN ({again}): {rule}', flush=True)
        if len(figures.broken) >= MOST_BROKEN:
            break
    figures.seconds, figures.cpu_s = time.monotonic() - begin, _cpu_s() - cpu
    return figures


def as_json(figures: list[Figures], seed: int, share: float) -> dict[str, Any]:
    """All figures of a campaign, with the machine."""
    return {
        'seed': seed,
        'share': share,
        'machine': _machine(),
        'faults': [{**vars(one), 'tried': dict(one.tried)} for one in figures],
    }


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _machine() -> str:
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    models = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    memory = int(Path('/proc/meminfo').read_text().split()[1]) / 2**20
    kernel, python = platform.release(), platform.python_version()
    processor = f'{len(models)} x {models[0]}' if models else platform.machine()
    return f'{processor}, {memory:.0f} GB, Linux {kernel}, Python {python}'
