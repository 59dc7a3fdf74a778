"""Time and memory of one whole unit: SWI 256×256×80, T2w of 1 mm, QSM.

``python bench/unit_time.py FOLDER [--nprocs N …]`` simulates the unit, runs deepmir on it (further
options are passed on), and prints the figures that the README has.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject
from deepmir_bids.simulation.simulated_subject import simulate_subject

SCAN = Acquisition(voxel_mm=(0.9, 0.9, 2.0), shape=(256, 256, 80))
SEED = 21


def main(folder: Path, options: list[str]) -> int:
    """Run the unit; return deepmir's exit status."""
    raw = folder / 'bids'
    if not raw.exists():
        create_dataset(raw)
        write_subject(raw, '01', simulate_subject(SEED, SCAN))
    command = [sys.executable, '-m', 'deepmir_bids.cli.deepmir', str(raw), str(folder / 'out')]
    command += ['participant', '--work-dir', str(folder / 'work'), *options]
    begin = time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True)
    most_gb = 0.0
    while process.poll() is None:
        most_gb = max(most_gb, resident_gb(process.pid))
        time.sleep(0.2)
    print(f'\nwhole unit: {time.perf_counter() - begin:.0f} s, at most {most_gb:.1f} GB resident')
    return process.returncode


def resident_gb(session: int) -> float:
    """Memory of all processes of a session, pages that they share counted once each (PSS)."""
    total_kb = 0
    for path in Path('/proc').glob('[0-9]*'):
        try:
            if int((path / 'stat').read_text().rsplit(')', 1)[1].split()[3]) == session:
                lines = (path / 'smaps_rollup').read_text().splitlines()
                total_kb += sum(int(line.split()[1]) for line in lines if line.startswith('Pss:'))
        except (OSError, IndexError):  # it has ended in the meantime
            continue
    return total_kb / 1e6


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
