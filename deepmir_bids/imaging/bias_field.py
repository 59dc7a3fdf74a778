"""Shading of the receive coils, taken out with N4 (Tustison et al., IEEE TMI 2010;29:1310)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.imaging.intensity_normalisation import divide_by_coarse

if TYPE_CHECKING:
    import nibabel as nib

#: Voxels that ANTs is given of an image.
MOST_VOXELS = 30_000_000


def correct_bias(image: nib.Nifti1Image, *, sloppy: bool = False) -> nib.Nifti1Image:
    """Correct a magnitude image of a whole head for smooth shading.

    The field is estimated where there is signal (above a third of the mean, so that air is left
    out), at a voxel size of about 4 mm: it is smooth, and this takes seconds. Of a large image
    ANTs sees every second voxel of each axis, or fewer: it takes 90 bytes for each.
    """
    import nibabel as nib

    data = np.maximum(image.get_fdata(dtype=np.float32), 0)
    zooms = image.header.get_zooms()[:3]
    step = math.ceil((data.size / MOST_VOXELS) ** (1 / 3))
    shrink = max(1, (8 if sloppy else round(4 / min(zooms))) // step)
    part = data[::step, ::step, ::step]
    found = _n4(part, [float(step * z) for z in zooms], shrink, sloppy=sloppy, field=step > 1)
    corrected = divide_by_coarse(data, found, (step,) * 3) if step > 1 else found
    return nib.Nifti1Image(corrected.astype(np.float32, copy=False), image.affine, image.header)


def _n4(
    data: np.ndarray, zooms: list[float], shrink: int, *, sloppy: bool, field: bool
) -> np.ndarray:
    """An image without its shading, or the shading alone."""
    import ants

    return ants.n4_bias_field_correction(
        ants.from_numpy(data, spacing=zooms),
        mask=ants.from_numpy((data > data.mean() / 3).astype(np.float32), spacing=zooms),
        shrink_factor=shrink,
        convergence={'iters': [30] * (1 if sloppy else 3), 'tol': 1e-4},
        spline_param=150,
        return_bias_field=field,
    ).numpy()
