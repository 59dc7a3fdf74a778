"""A brain mask of a gradient echo's magnitude, before there is an SWI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.anatomy.ants_process import run_in_ants_process
from deepmir_bids.anatomy.apply_transforms import apply_transform
from deepmir_bids.anatomy.template_registration import register_template
from deepmir_bids.imaging.bias_field import correct_bias

if TYPE_CHECKING:
    import nibabel as nib

    from deepmir_bids.anatomy.template_choice import Anatomy


def brain_of_magnitude(
    image: nib.Nifti1Image, anatomy: Anatomy, folder: Path, given: str | Path | None = None
) -> np.ndarray:
    """Find the brain in a magnitude, coarsely: the maps that need it look at their rim themselves.

    Parameters
    ----------
    image
        Magnitude of a whole head (X, Y, Z), with its shading.
    anatomy
        What `find_anatomy` gives.
    folder
        For what is computed on the way.
    given
        A brain mask in the same world, on any grid, which is taken instead.

    Returns
    -------
    brain
        bool of the shape of the image.

    Raises
    ------
    RegistrationError
        The image does not register to the template.

    """
    if given is not None:
        return run_in_ants_process(_on_grid, str(given), None, image, 'nearest')
    head = run_in_ants_process(correct_bias, image, sloppy=True)
    head.set_filename(image.get_filename())
    found = run_in_ants_process(register_template, head, anatomy, folder, sloppy=True)
    return run_in_ants_process(_on_grid, anatomy.brain_mask, found.to_image, image, 'linear')


def _on_grid(mask, transform, image: nib.Nifti1Image, interpolation: str) -> np.ndarray:
    return apply_transform(mask, transform, image.shape, image.affine, interpolation) > 0.5
