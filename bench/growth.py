"""How time and memory grow with a cohort: start-up, index and group level.

    python bench/growth.py --json FILE [--raw 100 1000 5000] [--cohorts 1000 10000]

Raw datasets hold participants with an SWI, a QSM and a T2w of some voxels. Measured are
``--dry-run`` over all of them (it reads each image), over one of them, and beside it pybids' index
of the whole dataset; and the group level over cohorts of made outputs (`group_level`). The
exponent is that of the last step: 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from group_level import measure, write_many
from unit_time import SUFFIXES, machine

from deepmir_bids.simulation.simulated_dataset import create_dataset

SHAPE = (16, 16, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, required=True)
    parser.add_argument('--raw', type=int, nargs='*', default=[100, 1000, 5000])
    parser.add_argument('--cohorts', type=int, nargs='*', default=[1000, 10_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        raw = {number: of_raw(folder / f'raw{number}', number) for number in options.raw}
        group = {number: of_group(folder / f'out{number}', number) for number in options.cohorts}
    report = {
        'machine': machine(),
        'raw': raw,
        'group': group,
        'exponents': {
            **{name: exponent(raw, name) for name in ('all_s', 'pybids_s') if len(raw) > 1},
            **({'group_s': exponent(group, 'group_s')} if len(group) > 1 else {}),
        },
    }
    options.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    print(json.dumps(report, indent=2))


def of_raw(bids: Path, participants: int) -> dict[str, float]:
    """Figures of a raw dataset."""
    write_raw(bids, participants)
    return {
        'all_s': seconds('-m', 'deepmir_bids.cli.deepmir', *dry_run(bids)),
        'one_s': seconds('-m', 'deepmir_bids.cli.deepmir', *dry_run(bids, '0001')),
        'pybids_s': seconds(
            '-c', f'from bids import BIDSLayout; BIDSLayout({str(bids)!r}, validate=False)'
        ),
    }


def dry_run(bids: Path, *labels: str) -> list[str]:
    """Arguments of a dry run over all participants, or some."""
    given = [str(bids), str(bids.with_name('nothing')), 'participant', '--dry-run']
    chosen = ['--participant-label', *labels] if labels else []
    return [*given, *chosen, '--template', 'MNI152NLin2009aSym']


def write_raw(bids: Path, participants: int) -> None:
    """A dataset of participants with three images that are too small for anything but reading."""
    create_dataset(bids)
    image = nib.Nifti1Image(
        np.random.default_rng(0).normal(100, 1, SHAPE).astype(np.float32), np.eye(4)
    )
    image.set_qform(np.eye(4), 1)
    image.set_sform(np.eye(4), 1)
    nib.save(image, bids / 'image.nii.gz')
    content = (bids / 'image.nii.gz').read_bytes()
    (bids / 'image.nii.gz').unlink()
    for number in range(1, participants + 1):
        anat = bids / f'sub-{number:04d}' / 'anat'
        anat.mkdir(parents=True)
        for suffix in SUFFIXES.values():
            (anat / f'sub-{number:04d}_{suffix}.nii.gz').write_bytes(content)


def seconds(*arguments: str) -> float:
    """Wall time of a Python process that may find fault with what it reads."""
    begin = time.monotonic()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(
        sys.executable, [sys.executable, *arguments], os.environ, file_actions=silent
    )
    _, status = os.waitpid(process, 0)
    if (code := os.waitstatus_to_exitcode(status)) not in (0, 1):
        raise SystemExit(f'{" ".join(arguments)} ended with {code}')
    return round(time.monotonic() - begin, 2)


def of_group(out_dir: Path, participants: int) -> dict[str, float]:
    """Figures of the group level."""
    write_many(out_dir, participants)
    taken, peak_gb = measure(out_dir)
    page_mb = (out_dir / 'group.html').stat().st_size / 1e6
    return {'group_s': round(taken, 1), 'peak_gb': round(peak_gb, 2), 'page_mb': round(page_mb, 1)}


def exponent(figures: Mapping[int, Mapping[str, float]], name: str) -> float:
    """Of the growth between the two largest."""
    (small, a), (large, b) = sorted(figures.items())[-2:]
    return round(math.log(b[name] / a[name]) / math.log(large / small), 2)


if __name__ == '__main__':
    main()
