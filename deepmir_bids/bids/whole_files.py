"""Files and folders that others, at any moment, see complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from deepmir_bids.bids.living_process import MARK, is_alive, mark

#: Nobody takes so long for one file or folder.
DEBRIS_S = 86400


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a hundred writers, only ever see it complete."""
    raw = content.encode('utf-8') if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f'.{path.name}.{mark()}.', delete=False
    ) as beside:
        unfinished = Path(beside.name)
        try:
            beside.write(raw)
            beside.close()
            unfinished.chmod(0o666 & ~_umask())
            unfinished.replace(path)
        except BaseException as error:
            unfinished.unlink(missing_ok=True)
            if isinstance(error, OSError):
                error.filename = str(path)  # a disk that is full does not say for what
            raise


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Fill a folder so that others, who may be making the same one, only ever see it complete.

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
    unfinished = Path(tempfile.mkdtemp(prefix=f'.unfinished-{mark()}-', dir=folder.parent))
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


def sweep(folder: Path, pattern: str = '.*') -> None:
    """Remove what dead processes left in a folder, of what bears their mark."""
    debris = [path for path in folder.glob(pattern) if MARK.search(path.name)]
    if not debris:
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix='.') as now:
        for path in debris:
            remove_debris(path, Path(now.name))


def remove_debris(path: Path, now: Path) -> None:
    """Remove a file or folder whose name has the mark of a process that is surely dead.

    ``now`` was just touched on the same file system: if nothing is known of the process, the file
    system's own clock tells whether it has been silent for a day.
    """
    alive = is_alive(path.name)
    try:
        young = now.stat().st_mtime - path.stat().st_mtime < DEBRIS_S
        if alive or (alive is None and young):
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except OSError:  # another process was first, or it is not ours to remove
        return


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
