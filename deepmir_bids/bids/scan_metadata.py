"""What sidecars say of an image, by BIDS' rule of inheritance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepmir_bids.bids.text_files import read_json


def read_metadata(image: Path, root: Path) -> dict[str, Any]:
    """Read the sidecars of an image: the nearer its folder, the more they count.

    A sidecar belongs to every image of its suffix, in its folder or below, whose name has all of
    its entities.

    Parameters
    ----------
    image
        The image, below ``root``.
    root
        Of its dataset.

    Raises
    ------
    InputError
        If a sidecar cannot be read.

    """
    entities, suffix = _parts(image)
    below = image.relative_to(root).parts[:-1]
    metadata: dict[str, Any] = {}
    for depth in range(len(below) + 1):
        found = []
        for sidecar in root.joinpath(*below[:depth]).glob(f'*{suffix}.json'):
            named, its_suffix = _parts(sidecar)
            if its_suffix == suffix and named <= entities:
                found.append((len(named), sidecar))
        for _, sidecar in sorted(found):
            metadata |= read_json(sidecar, 'mend it, or leave it out')
    return metadata


def _parts(path: Path) -> tuple[set[str], str]:
    """Entities and suffix of a file name."""
    *entities, suffix = path.name.split('.')[0].split('_')
    return set(entities), suffix
