"""Calls and results in files, between two processes; images arrive as they were."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


def dump(value: Any, path: Path) -> None:
    """Write a value that may hold nibabel images, which keep data, header and file name."""
    with path.open('wb') as file:
        _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(value)


def load(path: Path) -> Any:
    """Read what `dump` wrote, in a folder that only this user's processes can write to."""
    return pickle.loads(path.read_bytes())  # noqa: S301 (its own, never a file of somebody else)


class _Pickler(pickle.Pickler):
    """Nibabel's own pickling encodes an image anew, which may round it, and drops its name."""

    def reducer_override(self, obj):
        import nibabel as nib

        if not isinstance(obj, nib.Nifti1Image):
            return NotImplemented
        # Data that was not read yet goes as the path of its file.
        return _rebuild, (type(obj), obj.dataobj, obj.affine, obj.header, obj.get_filename())


def _rebuild(kind, data, affine, header, file_name: str | None):
    image = kind(data, affine, header)
    if file_name:
        image.set_filename(file_name)
    return image
