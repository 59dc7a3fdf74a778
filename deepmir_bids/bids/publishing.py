"""Put files where people look for them: whole or not at all, and never from two runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deepmir_bids.bids.unit_of_work import unit_folder

#: Folders of a unit that hold its results.
DATATYPES = ('anat', 'figures')
#: A reader's work, which no run may delete; whether it fits new results is seen when it is read.
REVIEW = '_desc-review_dseg.tsv'


def write_whole(path: Path, content: str) -> None:
    """Write a text file so that a reader, or a hundred writers, only ever see it complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        'w', dir=path.parent, prefix=f'.{path.name}.', delete=False, newline='\n', encoding='utf-8'
    ) as beside:
        beside.write(content)
    os.chmod(beside.name, 0o666 & ~_umask())
    os.replace(beside.name, path)


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """
    Fill a folder so that others, who may be making the same one, only ever see it complete.

    Parameters
    ----------
    folder
        What is to be made; left as it is where it is there already.
    make
        Fills the folder it is given. Of two that are at it, the first to finish wins.

    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix='.unfinished-', dir=folder.parent))
    try:
        make(unfinished)
        unfinished.chmod(0o777 & ~_umask())
        os.rename(unfinished, folder)
    except OSError:
        if not folder.is_dir():  # else another process was first: its folder is as good
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def publish(
    staged: Iterable[Path], out_dir: Path, unit: str, datatypes: Sequence[str] = DATATYPES
) -> list[Path]:
    """
    Replace a unit's results by those of this run.

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
    """All files that a run left of a unit in these folders, and its page; no reader's review."""
    folder = unit_folder(out_dir, unit)
    files = (path for name in datatypes for path in (folder / name).glob(f'{unit}_*'))
    review = REVIEW.removesuffix('.tsv')
    found = [path for path in files if not path.stem.endswith(review)]
    page = out_dir / f'{unit}.html'
    return [*found, page] if page.is_file() else found


def _within_dataset(path: Path) -> Path:
    """Cut off the folders above the participant's own; a page lies at the root."""
    if path.parent.name not in DATATYPES:
        return Path(path.name)
    parts = path.parts
    start = max(i for i, part in enumerate(parts[:-1]) if part.startswith('sub-'))
    return Path(*parts[start:])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
