"""An atlas that comes as a label image and a table: read, and checked before it is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmir_bids.anatomy.atlas_structures import Structure, read_structures
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.imaging.nifti_file import read_image


def read_atlas(
    file: Path, table: Path | None
) -> tuple[np.ndarray, np.ndarray, tuple[Structure, ...]]:
    """Labels, affine and structures of an atlas.

    Parameters
    ----------
    file
        Label image, 3D.
    table
        What its values mean (`read_structures`).

    Raises
    ------
    UsageError
        When either cannot be used, or they do not go together.

    """
    try:
        if table is None:
            raise ValueError(f'{file.name} needs a table of its labels: --atlas-labels')
        image, values = read_image(file)
        labels = np.squeeze(values)
        if labels.ndim != 3:
            raise ValueError(f'{file.name} is not a 3D label image')
        structures = read_structures(table)
        if not np.isin([s.index for s in structures], labels).any():
            raise ValueError(f'{file.name} holds none of the labels in {table.name}')
    except (InputError, OSError, ValueError) as error:
        raise UsageError(f'--atlas {file} cannot be used: {str(error).rstrip(".")}.') from error
    return np.rint(labels), image.affine, structures


def check_atlas(file: Path, table: Path | None) -> None:
    """Raise what `read_atlas` would raise, before anything is written."""
    read_atlas(file, table)
