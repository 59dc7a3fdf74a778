"""What units leave in the work folder, and how it is emptied of those that are done."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from deepmir_bids.bids.unit_of_work import Unit

#: The graphs of a run, whose folders lie in one of the version's own.
GRAPHS = ('deepmir_wf', 'reports_wf')
#: What Nipype writes into the folder of a step.
STEP_FILES = ('_inputs.pklz', '_node.pklz')


def unit_folders(work_dir: Path, unit: Unit) -> list[Path]:
    """Folders of a unit's steps, of all versions."""
    return [
        folder
        for graph in GRAPHS
        for folder in work_dir.glob(f'deepmir-*/{graph}/{unit.workflow_name}')
    ]


def empty_of(work_dir: Path, unit: Unit) -> None:
    """Remove the steps of a unit; what lies beside them is somebody else's, and stays."""
    for folder in unit_folders(work_dir, unit):
        for name in STEP_FILES:
            for path in list(folder.rglob(name)):
                shutil.rmtree(path.parent, ignore_errors=True)
        inner = [path for path in folder.rglob('*') if path.is_dir()]
        for path in [*sorted(inner, reverse=True), folder]:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()
