"""Time and memory of one whole unit, by step: SWI 256×256×80, T2w of 1 mm, QSM.

    python bench/unit_time.py FOLDER [--inputs swi swi+qsm+t2w] [--units 1] [--repeats 1]
        [--json FILE] [… ]

simulates the unit once, and runs deepmir on it, or on so many like it, with each combination of
inputs, in turn; options that are none of these are deepmir's. Prints and writes medians: seconds
and processor seconds of a unit and of the longest steps, and the memory of all processes.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject
from deepmir_bids.simulation.simulated_subject import simulate_subject

SCAN = Acquisition(voxel_mm=(0.9, 0.9, 2.0), shape=(256, 256, 80))
SEED = 21
SUFFIXES = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap', 't2w': 'T2w'}
#: Linux' ``prctl``: what a child's children leave behind becomes this process's, to be counted.
PR_SET_CHILD_SUBREAPER = 36
#: Steps that take less are not worth a line.
LEAST_S = 0.5
STEP = re.compile(r'\[Node\] Finished "(\w+)", elapsed time ([\d.]+)s')


def main() -> int:
    """Run the unit; return deepmir's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--inputs', nargs='+', default=['swi+qsm+t2w'])
    parser.add_argument('--units', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=1)
    parser.add_argument('--json', type=Path)
    options, of_deepmir = parser.parse_known_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    runs: dict[str, list[dict]] = {inputs: [] for inputs in options.inputs}
    for inputs in list(runs) * options.repeats:
        raw = dataset(options.folder, inputs, options.units)
        run = measure(raw, options.folder, of_deepmir)
        for key in ('wall_s', 'cpu_s'):
            run[key] = round(run[key] / options.units, 1)
        runs[inputs].append(run)
        print(f'{inputs}: {run["wall_s"]} s, {run["cpu_s"]} s of CPU, {run["memory_gb"]} GB')
        print(''.join(f'  {name} {seconds}\n' for name, seconds in run['steps_s'].items()))
    report = {'machine': machine(), 'units': options.units, 'options': of_deepmir, 'runs': runs}
    report['medians'] = {
        inputs: {
            key: statistics.median(run[key] for run in of)
            for key in ('wall_s', 'cpu_s', 'memory_gb')
        }
        for inputs, of in runs.items()
    }
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    return max(run['status'] for of in runs.values() for run in of)


def dataset(folder: Path, inputs: str, units: int) -> Path:
    """So many participants like the unit, with some of its images."""
    whole = folder / 'bids'
    if not whole.exists():
        create_dataset(whole)
        write_subject(whole, '01', simulate_subject(SEED, SCAN))
    part = folder / f'{units}_{inputs}'
    if part.exists():
        return part
    shutil.copytree(whole, part, ignore=shutil.ignore_patterns('sub-*', 'derivatives'))
    leave_out = [f'*_{SUFFIXES[name]}.*' for name in SUFFIXES.keys() - inputs.split('+')]
    for label in (f'sub-{number:02d}' for number in range(1, units + 1)):
        shutil.copytree(
            whole / 'sub-01',
            part / label,
            ignore=shutil.ignore_patterns(*leave_out),
            copy_function=lambda path, copy, to=label: shutil.copy(
                path, copy.replace('sub-01', to)
            ),
        )
    return part


def measure(raw: Path, folder: Path, options: Sequence[str]) -> dict:
    """Run deepmir from nothing, and say how long it took."""
    out, work = folder / 'out', folder / 'work'
    for place in (out, work):
        shutil.rmtree(place, ignore_errors=True)
    command = [sys.executable, '-m', 'deepmir_bids.cli.deepmir', str(raw), str(out)]
    command += ['participant', '--work-dir', str(work), *options]
    used, begin = children_s(), time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True)
    most_gb = 0.0
    while process.poll() is None:
        most_gb = max(most_gb, resident_gb(process.pid))
        time.sleep(0.2)
    log = next(out.glob('logs/*/deepmir.log')).read_text(encoding='utf-8')
    steps = {name: round(float(seconds), 1) for name, seconds in STEP.findall(log)}
    return {
        'status': process.returncode,
        'wall_s': round(time.perf_counter() - begin, 1),
        'cpu_s': round(children_s() - used, 1),
        'memory_gb': round(most_gb, 2),
        'steps_s': {name: seconds for name, seconds in steps.items() if seconds >= LEAST_S},
    }


def children_s() -> float:
    """Processor seconds of all ended children, those among them that their own parent left."""
    with contextlib.suppress(ChildProcessError):
        while True:  # those that end only now are waited for
            os.waitpid(-1, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine() -> dict:
    """What the figures were measured on."""
    cpu = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    model = re.search(r'model name\s*: (.*)', cpu)
    kinds = sorted(set(re.findall(r'\b(?:avx512_bf16|amx_bf16|avx512f|avx2)\b', cpu)))
    return {
        'processor': model.group(1) if model else platform.processor(),
        'cores': len(os.sched_getaffinity(0)),
        'instructions': kinds,
        'python': platform.python_version(),
    }


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
    sys.exit(main())
