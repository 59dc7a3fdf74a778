"""Each input of a unit: how it is read, and whether the unit can do without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepmir_bids.imaging.image_content import load_magnitude
from deepmir_bids.imaging.qsm_faults import load_chi
from deepmir_bids.imaging.read_image import load_volume

if TYPE_CHECKING:
    import nibabel as nib
    import numpy as np

#: What each input has to be.
ROLES = {'swi': 'SWI', 'qsm': 'QSM', 't2w': 'T2w', 'brain_mask': 'brain mask'}
#: How an image is read that has to be something more than a volume.
LOADERS = {'SWI': load_magnitude, 'QSM': load_chi}
#: What is left out where it cannot be used; the others cost the unit.
DISPENSABLE = ('QSM', 'T2w', 'brain mask')


def load_input(
    role: str, path: str | Path, read: tuple[Any, np.ndarray] | None = None
) -> tuple[nib.Nifti1Image, list[str], list[str]]:
    """Read an image and check it for what it has to be.

    Parameters
    ----------
    role
        One of :data:`ROLES`' values.
    path
        A NIfTI file.
    read
        What `read_image` gave for it, if it was read already.

    Returns
    -------
    image, notes, flags
        The image; what was mended, in a sentence and in a word each.

    Raises
    ------
    InputError
        It cannot be used.

    """
    if role in LOADERS:
        return LOADERS[role](path, read)
    image, notes = load_volume(path, read)
    return image, notes, []
