"""Several starts at once: of the same units, and of a whole array of them."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

from deepmir_bids.bids.run_records import read_records
from faults import fake_run
from faults.commands import Command, nothing_left
from faults.fake_results import TAGS, bring, tag_of
from faults.kills import contents, fake_group, finish, same
from faults.watching import keep

#: Of the big one, at a share of 1.
STARTS = 200


def same_unit(chance: random.Random, folder: Path) -> str:
    """Start two runs of the same units at once, with one work folder or two."""
    shared = chance.random() < 0.5
    labels, processes = fake_run.numbered(2), chance.choice([1, 2])
    for label in labels:
        bring(str(folder / 'out'), f'sub-{label}', 'one', 'earlier')
    works = ['work', 'work' if shared else 'work2']
    pair = [
        Command(folder, partial(fake_run.main, folder, labels, processes, work=work, tag=tag))
        for work, tag in zip(works, chance.sample(TAGS, 2), strict=True)
    ]
    said = [command.end() for command in pair]
    statuses = [command.status for command in pair]
    busy = sum('is at work on it' in text for text in said)
    keep(busy == 0 or shared, f'two work folders, and one waits: {said}')
    keep(sorted(statuses) == [0] * (2 - busy) + [1] * busy, f'ended with {statuses}: {said}')
    for label in labels:
        tag_of(folder / 'out', f'sub-{label}')
        keep(read_records(folder / 'out')[f'sub-{label}'][-1].status == 'done', 'not on record')
    nothing_left(folder)
    return 'one work folder' if shared else 'two work folders'


def group_level_twice(chance: random.Random, folder: Path) -> str:
    """Start two group levels of one cohort at once."""
    from made_outputs import write_cohort

    write_cohort(folder / 'out', chance.randint(2, 5))
    options = chance.choice([(), ('--by', 'sex')])
    pair = [Command(folder, partial(fake_group, folder, *options)) for _ in range(2)]
    said = [command.end() for command in pair]
    keep([command.status for command in pair] == [0, 0], f'one failed: {said}')
    both = contents(folder / 'out')
    finish(folder, partial(fake_group, folder, *options))
    same(contents(folder / 'out'), both)
    nothing_left(folder)
    return 'group level'


def many(chance: random.Random, folder: Path, share: float) -> dict[str, int]:
    """Start an array of runs on one output folder; each unit is started twice, in two arrays."""
    count = max(4, round(STARTS * share))
    labels = [f'{n // 2:03d}' for n in range(count)]
    commands = []
    for n, label in enumerate(labels):
        run = partial(fake_run.main, folder, [label], 1, work=f'work{n % 2}', tag=TAGS[n % 2])
        commands.append(Command(folder, run))
    said = [command.end() for command in commands]
    failed = [text for command, text in zip(commands, said, strict=True) if command.status]
    keep(not failed, f'{len(failed)} of {count} failed: {failed[:2]}')
    for label in set(labels):
        tag_of(folder / 'out', f'sub-{label}')
    records = read_records(folder / 'out')
    keep(len(records) == count // 2, f'{len(records)} units are on record')
    statuses = {record.status for unit in records.values() for record in unit}
    keep(statuses == {'done'}, f'on record as {statuses}')
    nothing_left(folder)
    return {'starts': count}
