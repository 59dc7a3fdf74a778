"""Shading of the receive coils, taken out with N4 (Tustison et al., IEEE TMI 2010;29:1310)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import nibabel as nib


def correct_bias(image: nib.Nifti1Image, *, sloppy: bool = False) -> nib.Nifti1Image:
    """Correct a magnitude image of a whole head for smooth shading.

    The field is estimated where there is signal (above a third of the mean, so that air is left
    out), at a voxel size of about 4 mm: it is smooth, and this takes seconds.
    """
    import ants
    import nibabel as nib

    data = np.maximum(image.get_fdata(dtype=np.float32), 0)
    zooms = image.header.get_zooms()[:3]
    volume = ants.from_numpy(data, spacing=[float(z) for z in zooms])
    signal = ants.from_numpy(
        (data > data.mean() / 3).astype(np.float32), spacing=[float(z) for z in zooms]
    )
    corrected = ants.n4_bias_field_correction(
        volume,
        mask=signal,
        shrink_factor=max(1, round(4 / min(zooms))) if not sloppy else 8,
        convergence={'iters': [30] * (1 if sloppy else 3), 'tol': 1e-4},
        spline_param=150,
    ).numpy()
    return nib.Nifti1Image(corrected.astype(np.float32), image.affine, image.header)
