"""Whether a brain mask that came from elsewhere lies on the brain of the SWI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.imaging.resampling import resample

if TYPE_CHECKING:
    import nibabel as nib

#: Only voxels this far inside the mask are looked at: masks differ by a rim, and an SWI may be
#: stripped of its skull.
RIM_MM = 4.0
#: Below this share of the mask's median, a voxel is air or bone.
DARK = 0.2
#: Inside a right mask up to .002 of the voxels are dark (3 real and 3 simulated images); .045 to
#: .1 in simulated SWI and .001 to .07 in a real T2*w, where the mask is shifted by 20 mm.
MOST_DARK = 0.03


def why_not_on_swi(mask: nib.Nifti1Image, swi: nib.Nifti1Image) -> str:
    """Say why a mask cannot be that of the SWI's brain; empty if it can.

    It is told whether the two lie in one world, and not whether the mask is good.

    Parameters
    ----------
    mask
        Image of any grid, brain above 0.5.
    swi
        3D image.

    """
    from nibabel.affines import to_matvec, voxel_sizes
    from scipy.ndimage import minimum_filter

    matrix, offset = to_matvec(np.linalg.inv(mask.affine) @ swi.affine)
    values = mask.get_fdata(dtype=np.float32)
    brain = resample(values, matrix, offset, swi.shape, mode='constant') > 0.5
    reach = [2 * round(RIM_MM / side) + 1 for side in voxel_sizes(swi.affine)]
    inside = minimum_filter(brain, size=reach, mode='nearest')
    if not inside.any():
        return 'it does not lie in the field of view of the SWI'
    signal = swi.get_fdata(dtype=np.float32)
    dark = (signal[inside] <= DARK * np.median(signal[brain])).mean()
    if dark > MOST_DARK:
        return f'{dark:.0%} of it is air or bone in the SWI, and not brain'
    return ''
