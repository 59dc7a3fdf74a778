"""Bring a unit's results to their place: whole or not at all, and never from two runs.

Results lie in several folders, which no file system can replace at once. So all of a run's files
are first copied into a hidden folder beside them. Renaming that folder is the step that decides:
before it the earlier results hold, after it the new ones, and what is left to do is only renaming
and deleting, which whoever comes next finishes if this process dies.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deepmir_bids.bids.output_files import DATATYPES
from deepmir_bids.bids.output_names import is_of_run
from deepmir_bids.bids.unit_locks import LockedError, UnitLocks
from deepmir_bids.bids.unit_of_work import unit_folder
from deepmir_bids.errors import InputError
from deepmir_bids.threads import side_by_side

#: Where locks and unfinished results lie in the output dataset.
HIDDEN = '.deepmir'
#: How the folder of results that have been decided on ends, and its list of them.
DECIDED, JOURNAL = '.publish', 'journal.json'
#: Files that are copied at a time: the disk takes them in hardly more time than one without wait.
COPIERS = 4
#: Another process renames for a moment only.
WAIT_S = 60.0


def publish(
    staged: Iterable[Path], out_dir: Path, unit: str, datatypes: Sequence[str] = DATATYPES
) -> list[Path]:
    """Replace a unit's results by those of this run.

    Parameters
    ----------
    staged
        Files in ``…/sub-<label>/[ses-<label>/]<datatype>/``, a path that is kept, and pages, which
        go to the root.
    out_dir
        Root of the output dataset.
    unit
        Label of the unit, ``sub-01`` or ``sub-01_ses-02``.
    datatypes
        Folders whose earlier results are replaced, with the page.

    Returns
    -------
    list of Path
        The files in their place.

    Raises
    ------
    InputError
        Another process is writing the unit's results, and does not come to an end.

    """
    places = {str(_within_dataset(path)): path for path in staged}
    journal = {'unit': unit, 'datatypes': list(datatypes), 'files': sorted(places)}
    with UnitLocks(out_dir / HIDDEN) as locks:
        copies = locks.folder / f'{locks.token}.part'
        try:
            _copy_to_disk(places, copies)
            (copies / JOURNAL).write_text(json.dumps(journal), encoding='utf-8')
            _to_disk(copies / JOURNAL)
            try:
                locks.take(unit, WAIT_S)
            except LockedError as error:
                raise InputError(
                    f'{unit} in {out_dir} is being written by {error}: run deepmir on it again.'
                ) from error
            decided = locks.folder / f'{unit}{DECIDED}'
            _finish(decided, out_dir)  # of a run that was killed there
            copies.rename(decided)
            _to_disk(locks.folder)
            _finish(decided, out_dir)
        finally:
            shutil.rmtree(copies, ignore_errors=True)
    return sorted(out_dir / name for name in places)


def _copy_to_disk(places: Mapping[str, Path], copies: Path) -> None:
    """Copy files into a folder, and wait until all of them would outlive a loss of power."""

    def copy(name: str) -> None:
        shutil.copyfile(places[name], copies / name)
        _to_disk(copies / name)

    for folder in {(copies / name).parent for name in places}:
        folder.mkdir(parents=True, exist_ok=True)
    # While one waits for the disk, others are read.
    for _ in side_by_side(copy, places, COPIERS):
        pass


def is_unfinished(out_dir: Path, unit: str) -> bool:
    """Whether a unit's results are just being put in their place, or were when a run died."""
    return (out_dir / HIDDEN / f'{unit}{DECIDED}' / JOURNAL).is_file()


def unfinished_units(out_dir: Path) -> set[str]:
    """Labels of the units of which that is true."""
    return {path.parent.stem for path in (out_dir / HIDDEN).glob(f'*{DECIDED}/{JOURNAL}')}


def finish_all(out_dir: Path) -> None:
    """Finish what dead runs began to put in its place, and remove what they have left."""
    if not (out_dir / HIDDEN).is_dir():
        return
    with UnitLocks(out_dir / HIDDEN) as locks:
        locks.sweep()
        for decided in sorted(locks.folder.glob(f'*{DECIDED}')):
            try:
                locks.take(decided.stem)
            except LockedError:  # it is at it
                continue
            _finish(decided, out_dir)
            locks.release(decided.stem)


def _finish(decided: Path, out_dir: Path) -> None:
    """Put results in their place that have been decided on; as often as need be."""
    try:
        journal = json.loads((decided / JOURNAL).read_text(encoding='utf-8'))
    except FileNotFoundError:  # nothing to finish, or all but the removal of an empty folder
        shutil.rmtree(decided, ignore_errors=True)
        return
    places = [out_dir / name for name in journal['files']]
    for name, place in zip(journal['files'], places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        if (decided / name).exists():
            os.replace(decided / name, place)
    for old in earlier_results(out_dir, journal['unit'], journal['datatypes']):
        if old not in places:
            old.unlink(missing_ok=True)
    (decided / JOURNAL).unlink()
    shutil.rmtree(decided, ignore_errors=True)


def earlier_results(out_dir: Path, unit: str, datatypes: Sequence[str]) -> list[Path]:
    """Files that a run left of a unit in these folders, and its page.

    Only what the table of results names: no reader's review, and nothing of another tool.
    """
    folder = unit_folder(out_dir, unit)
    results = [
        path
        for datatype in datatypes
        for path in (folder / datatype).glob(f'{unit}_*')
        if is_of_run(path.name, unit, datatype)
    ]
    page = out_dir / f'{unit}.html'
    return [*results, page] if page.is_file() else results


def _within_dataset(path: Path) -> Path:
    """Cut off the folders above the participant's own; a page lies at the root."""
    if path.parent.name not in DATATYPES:
        return Path(path.name)
    parts = path.parts
    start = max(i for i, part in enumerate(parts[:-1]) if part.startswith('sub-'))
    return Path(*parts[start:])


def _to_disk(path: Path) -> None:
    """Wait until a file or folder would outlive a loss of power."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems that have none
            raise
    finally:
        os.close(number)
