"""Shading of the receive coils, taken out with N4 (Tustison et al., IEEE TMI 2010;29:1310)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.imaging.intensity_normalisation import divide_by_coarse

if TYPE_CHECKING:
    import nibabel as nib

#: Distance of the voxels that the shading is estimated from, along each axis: it is smooth over
#: the 40 mm of N4's finest splines.
WORKING_MM = 6.0
#: At splines of 150, 75 and 37.5 mm: the finest alone decide how near it comes to what voxels
#: 3 mm apart say (0.9 %; as near as with 30 of each, in 0.6 of the time).
ITERATIONS = (10, 10, 30)
SLOPPY_ITERATIONS = (30,)
#: Of a thin slab, at least so many along each axis.
LEAST_VOXELS = 8


def correct_bias(image: nib.Nifti1Image, *, sloppy: bool = False) -> nib.Nifti1Image:
    """Correct a magnitude image of a whole head for smooth shading.

    The shading is estimated where there is signal (above a third of the mean, so that air is left
    out), from voxels some `WORKING_MM` apart, and is linear in between.
    """
    import ants
    import nibabel as nib

    data = np.maximum(image.get_fdata(dtype=np.float32), 0)
    zooms = image.header.get_zooms()[:3]
    step = [
        max(1, min(round(WORKING_MM / float(zoom)), size // LEAST_VOXELS))
        for zoom, size in zip(zooms, data.shape, strict=True)
    ]
    part = data[tuple(slice(None, None, s) for s in step)]
    spacing = [s * float(zoom) for s, zoom in zip(step, zooms, strict=True)]
    signal = (part > data.mean() / 3).astype(np.float32)
    shading = ants.n4_bias_field_correction(
        ants.from_numpy(part, spacing=spacing),
        mask=ants.from_numpy(signal, spacing=spacing),
        shrink_factor=1,
        convergence={'iters': SLOPPY_ITERATIONS if sloppy else ITERATIONS, 'tol': 1e-4},
        spline_param=150,
        return_bias_field=True,
    ).numpy()
    corrected = divide_by_coarse(data, shading, step)
    return nib.Nifti1Image(corrected, image.affine, image.header)
