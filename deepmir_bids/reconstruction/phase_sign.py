"""Whether the scanner's phase grows or falls with the field (vendors differ)."""

import numpy as np
from scipy import ndimage

from deepmir_bids.reconstruction.kspace_filter import Vector

#: Size in mm of what counts as a dark structure: veins, nuclei and lesions rich in iron.
DARK_MM = 8.0

#: Near the rim signal is lost to the air around, and susceptibility is least sure: how much of
#: the surroundings has to be brain.
DEEP = 0.9

#: The share of the brain that is taken for dark.
DARK_SHARE = 0.03


def paramagnetic_sign(
    chi: np.ndarray, magnitude: np.ndarray, mask: np.ndarray, voxel_mm: Vector
) -> int:
    """Return +1 if what is dark is paramagnetic in a susceptibility map, else -1.

    Veins and iron-rich nuclei are darker than their surroundings in a late gradient echo, and
    paramagnetic; what is diamagnetic and dark, calcium, is rare.

    Parameters
    ----------
    chi
        Susceptibility (X, Y, Z), of any unit, its sign unknown.
    magnitude
        Magnitude (X, Y, Z) of a late echo.
    mask
        Where the susceptibility is known (X, Y, Z).
    voxel_mm
        Voxel sizes in mm.

    """
    sigma = [DARK_MM / 2 / v for v in voxel_mm]
    share = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    deep = mask & (share > DEEP)
    deep = deep if deep.any() else mask
    share = np.where(mask, share, 1)
    around = ndimage.gaussian_filter(magnitude * mask, sigma) / share
    brightness = magnitude[deep] / around[deep]
    dark = brightness < np.quantile(brightness, DARK_SHARE)
    surroundings = ndimage.gaussian_filter(chi * mask, sigma) / share
    return 1 if np.median((chi - surroundings)[deep][dark]) > 0 else -1
