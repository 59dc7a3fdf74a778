"""The brain of a gradient echo's magnitude, from where it lies in an SWI of the same head."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from deepmir_bids.anatomy.ants_process import run_in_ants_process
from deepmir_bids.anatomy.apply_transforms import apply_transform
from deepmir_bids.anatomy.rigid_registration import register_rigid
from deepmir_bids.errors import InputError


def brain_of_magnitude(
    brain: nib.Nifti1Image, swi: nib.Nifti1Image, magnitude: nib.Nifti1Image
) -> np.ndarray:
    """Move a brain mask from the SWI onto a magnitude of the same head, which may have moved.

    Parameters
    ----------
    brain
        Mask in the world of the SWI, on any grid.
    swi, magnitude
        Of the whole head, each of any grid.

    Returns
    -------
    brain
        bool of the shape of the magnitude.

    Raises
    ------
    InputError
        The two do not show one head.

    """
    rigid = run_in_ants_process(register_rigid, swi, magnitude)
    if rigid.mismatch:
        raise InputError(f'magnitude and SWI do not fit, {rigid.mismatch}.')
    moved = nib.Nifti1Image(brain.get_fdata(dtype=np.float32), rigid.matrix @ brain.affine)
    grid = (magnitude.shape, magnitude.affine)
    return run_in_ants_process(apply_transform, moved, None, *grid, 'linear') > 0.5
