"""Time and memory of the group level over a cohort made directly.

``python bench/group_level.py [PARTICIPANTS] [FOLDER]`` makes the outputs of a cohort (10,000
participants, in a folder that is deleted afterwards), runs ``deepmir … group`` over them as a
process of its own, and prints its seconds, its peak memory and the size of its page. Of a cohort
larger than that, each 10,000 have the files of the first, by other names: they take no room.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from made_outputs import write_cohort

#: What design.md allows on 2 cores for 10,000 participants.
MOST_SECONDS, MOST_GB = 60, 2
#: Participants whose files are drawn; a larger cohort is a multiple of it.
DRAWN = 10_000


def write_many(out_dir: Path, participants: int) -> None:
    """Write the outputs of a cohort of any size."""
    write_cohort(out_dir, min(participants, DRAWN))
    drawn = [path for path in out_dir.glob('sub-*') if path.is_dir()]
    log_dir = next(out_dir.glob('logs/*'))
    for number in range(1, participants // DRAWN):
        prefix = f'sub-{number}'
        for subject in drawn:
            copy = out_dir / subject.name.replace('sub-', prefix)
            for folder, _, files in os.walk(subject):
                place = copy / Path(folder).relative_to(subject)
                place.mkdir()
                for name in files:
                    os.link(f'{folder}/{name}', place / name.replace('sub-', prefix))
        own_logs = log_dir.with_name(f'{log_dir.name}-{number}')
        own_logs.mkdir()
        for table in log_dir.iterdir():
            (own_logs / table.name).write_text(table.read_text().replace('sub-', prefix))


def measure(out_dir: Path) -> tuple[float, float]:
    """Run the group level; return its seconds of wall time and its peak memory in GB."""
    command = [sys.executable, '-m', 'deepmir_bids.cli.deepmir', 'none', str(out_dir), 'group']
    begin = time.monotonic()
    process = os.posix_spawn(sys.executable, [*command, '--by', 'sex', 'age'], os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f'the group level ended with {os.waitstatus_to_exitcode(status)}')
    return time.monotonic() - begin, usage.ru_maxrss / 1e6


def main(participants: int = 10_000, folder: str | None = None) -> int:
    """Make a cohort and measure; return 1 if it takes more than is allowed."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        out_dir = Path(scratch) / 'deepmir'
        begin = time.monotonic()
        write_many(out_dir, participants)
        print(f'cohort of {participants} made in {time.monotonic() - begin:.0f} s', flush=True)
        seconds, peak_gb = measure(out_dir)
        page_mb = (out_dir / 'group.html').stat().st_size / 1e6
        print(f'group level: {seconds:.1f} s, {peak_gb:.2f} GB, page {page_mb:.1f} MB')
    allowed = participants / 10_000
    return int(seconds > MOST_SECONDS * max(allowed, 0.2) or peak_gb > MOST_GB)


if __name__ == '__main__':
    sys.exit(main(*map(int, sys.argv[1:2]), *sys.argv[2:3]))
