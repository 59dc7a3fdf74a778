"""SIGKILL at random moments, and a start again."""

from __future__ import annotations

import atexit
import functools
import hashlib
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from made_outputs import write_cohort

from deepmir_bids.bids.publishing import DECIDED, HIDDEN
from faults import fake_run
from faults.commands import Command, nothing_left
from faults.fake_results import TAGS, bring, tag_of
from faults.watching import keep

LABELS = fake_run.numbered(2)


#: How long a run lasts that nobody disturbs, by its processes.
_lasts: dict[int, float] = {}


def participant_level(chance: random.Random, folder: Path) -> str:
    """Kill a run that replaces earlier results, at any moment, or as it brings those of a unit."""
    processes = chance.choice([1, 2])
    old, new = chance.sample(TAGS, 2)
    run = partial(fake_run.main, folder, LABELS, processes, tag=new)
    if processes not in _lasts:
        begin = time.monotonic()
        finish(folder, run)
        _lasts[processes] = time.monotonic() - begin
        shutil.rmtree(folder / 'work')
        for pid in folder.glob('*.pid'):
            pid.unlink()
    for label in LABELS:
        bring(str(folder / 'out'), f'sub-{label}', old, 'earlier')
    killed, unit = Command(folder, run), f'sub-{chance.choice(LABELS)}'
    aims = {
        folder: _lasts[processes],
        folder / f'{unit}.publish.pid': 0.15,
        folder / 'out' / HIDDEN / f'{unit}{DECIDED}': 0.005,
    }
    aim, most = chance.choice(list(aims.items()))
    wait_for(aim, killed, often=aim.suffix == DECIDED)
    time.sleep(chance.uniform(0, most))
    killed.kill(signal.SIGKILL, whole=chance.random() < 0.5)
    killed.end()
    found = {tag_of(folder / 'out', f'sub-{label}', (old, new)) for label in LABELS}
    finish(folder, run)
    for label in LABELS:
        tag_of(folder / 'out', f'sub-{label}', (new,))
    nothing_left(folder)
    if killed.status == 0:
        return 'after its end'
    if 'unfinished' in found:
        return 'as results were put in their place'
    return {1: 'before or after it published', 2: 'between two units'}[len(found)]


def group_level(chance: random.Random, folder: Path) -> str:
    """Kill a group level that replaces the files of an earlier one, half of them as it writes."""
    cohort = _cohorts()
    old, new = chance.sample(sorted(cohort), 2)
    shutil.copytree(cohort[old].folder, folder / 'out')
    run = partial(fake_group, folder, *new)
    first, most = folder / 'out' / 'participants.tsv', cohort[new].seconds
    inode, killed = first.stat().st_ino, Command(folder, run)
    if chance.random() < 0.5:
        while first.stat().st_ino == inode and not killed.ended():
            time.sleep(0.001)
        most = 0.3
    time.sleep(chance.uniform(0, most))
    killed.kill(signal.SIGKILL)
    killed.end()
    now, before, after = contents(folder / 'out'), cohort[old].contents, cohort[new].contents
    for name in set(before) & set(after):
        keep(
            now.get(name) in (before[name], after[name]), f'{name} is neither the old nor the new'
        )
    finish(folder, run)
    same(contents(folder / 'out'), after)
    nothing_left(folder)
    if killed.status == 0:
        return 'after its end'
    return 'before it wrote' if now == before else 'as it wrote'


@dataclass(frozen=True)
class Cohort:
    """A cohort that was summed up, with its files and how long it took."""

    folder: Path
    contents: dict[str, str]
    seconds: float


@functools.cache
def _cohorts() -> dict[tuple[str, ...], Cohort]:
    """The same cohort, summed up in two ways, by the options of each."""
    made = Path(tempfile.mkdtemp(prefix='cohort-'))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    cohorts = {}
    write_cohort(made / 'out', 6)
    for options in ((), ('--by', 'sex')):
        folder = made / str(len(cohorts))
        shutil.copytree(made / 'out', folder / 'out')
        begin = time.monotonic()
        finish(folder, partial(fake_group, folder, *options))
        seconds = time.monotonic() - begin
        cohorts[options] = Cohort(folder / 'out', contents(folder / 'out'), seconds)
    return cohorts


def fake_group(folder: Path, *options: str) -> int:
    """The command itself; brains are drawn elsewhere, which would take seconds."""
    from deepmir_bids.cli import deepmir
    from deepmir_bids.reports import group_page

    group_page.plot_glass_brain = lambda *_: b'PNG'
    return deepmir.main([str(folder / 'raw'), str(folder / 'out'), 'group', *options])


def finish(folder: Path, function: Callable[[], int]) -> str:
    """Run a command that has to end well; return what it said."""
    command = Command(folder, function)
    said = command.end()
    keep(command.status == 0, f'it ended with {command.status}: {said}')
    return said


def same(found: dict[str, str], wanted: dict[str, str]) -> None:
    """See to it that files are as another run left them."""
    apart = sorted(dict(found.items() ^ wanted.items()))
    keep(not apart, f'differ from those of an undisturbed run: {apart}')


def wait_for(path: Path, command: Command, *, often: bool = False) -> None:
    """Wait until a file is there, or a command has come to its end."""
    while not path.exists() and not command.ended():
        time.sleep(0.0001 if often else 0.001)


def contents(folder: Path) -> dict[str, str]:
    """Files of an output folder, logs and hidden ones aside, by their SHA256."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file() and 'logs' not in path.parts and not path.name.startswith('.')
    }
