"""Whether the disks have room for what a unit leaves, by the size of its images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from deepmir_bids.bids.unit_of_work import Unit, unit_folder
from deepmir_bids.errors import UsageError
from deepmir_bids.imaging.large_volumes import count_voxels
from deepmir_bids.running.work_folders import unit_folders
from deepmir_bids.settings import Settings

#: Bytes that a unit leaves in the work folder: transforms and page, and for each voxel of an image
#: (measured: 0.37 to 0.54 GB with an SWI of 256 x 256 x 80, QSM and a T2w of 1 mm).
WORK_BYTES = 200e6
WORK_BYTES_A_VOXEL = {'swi': 48, 'qsm': 8, 't2w': 12}
#: The same of its results (measured: 0.1 GB), which are on the grid of the SWI.
RESULT_BYTES, RESULT_BYTES_A_VOXEL = 50e6, 12
#: Units of a cohort are alike, and each header costs time.
LOOKED_AT = 50


def check_room(settings: Settings, units: Iterable[Unit]) -> None:
    """Ask whether there is room for the largest unit; what it has there already counts.

    Raises
    ------
    UsageError
        If there is not.

    """
    for unit in list(units)[:LOOKED_AT]:
        voxels = {name: count_voxels(getattr(unit, name)) for name in unit.inputs}
        work = WORK_BYTES + sum(WORK_BYTES_A_VOXEL[name] * n for name, n in voxels.items())
        results = RESULT_BYTES + RESULT_BYTES_A_VOXEL * voxels['swi']
        places = {
            '--work-dir': (settings.work_dir, work),
            'out_dir': (settings.out_dir, results),
        }
        one_disk = len({os.stat(existing(place)).st_dev for place, _ in places.values()}) == 1
        for what, (place, needed) in places.items():
            bytes_needed = work + results if one_disk else needed
            free = shutil.disk_usage(existing(place)).free
            if free < bytes_needed and free + _already_there(settings, unit) < bytes_needed:
                raise UsageError(
                    f'{what} {place} has {free / 1e9:.2f} GB left on its disk, {unit.label} needs '
                    f'about {bytes_needed / 1e9:.2f} GB: make room or choose another.'
                )


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _already_there(settings: Settings, unit: Unit) -> int:
    folders = [
        *unit_folders(settings.work_dir, unit),
        unit_folder(settings.out_dir, unit.label),
    ]
    files = (path for folder in folders for path in folder.rglob('*') if path.is_file())
    return sum(path.stat().st_size for path in files)
