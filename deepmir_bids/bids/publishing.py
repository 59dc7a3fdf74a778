"""Bring a unit's results to their place: whole or not at all, and never from two runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from deepmir_bids.bids.output_files import DATATYPES
from deepmir_bids.bids.output_names import is_of_run
from deepmir_bids.bids.unit_of_work import unit_folder


def publish(
    staged: Iterable[Path], out_dir: Path, unit: str, datatypes: Sequence[str] = DATATYPES
) -> list[Path]:
    """Replace a unit's results by those of this run.

    Everything is copied beside its place first, so that a full disk leaves the earlier results
    as they were; then the earlier ones go, and the new ones are renamed into place.

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

    """
    places = {out_dir / _within_dataset(path): path for path in staged}
    beside: dict[Path, Path] = {}
    try:
        for place, source in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            beside[place] = place.with_name(f'.{place.name}.part')
            shutil.copyfile(source, beside[place])
        for old in earlier_results(out_dir, unit, datatypes):
            old.unlink()
        for place, copy in beside.items():
            os.replace(copy, place)
    finally:
        for copy in beside.values():
            copy.unlink(missing_ok=True)
    return sorted(places)


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
