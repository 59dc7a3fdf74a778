"""Whether the scanner's phase grows or falls with the field (vendors differ)."""

import numpy as np
from scipy import ndimage

from deepmir_bids.reconstruction.kspace_filter import Vector

#: Size in mm of what stands out: veins, nuclei and lesions rich in iron.
LARGEST_MM = 8.0

#: Near the rim signal is lost to the air around, and susceptibility is least sure: how much of
#: the surroundings has to be brain.
DEEP = 0.9

#: Share of the voxels whose susceptibility stands out most, and of those that are beyond all
#: tissue, which count no more than the last of the others.
STRONG, BEYOND = 0.02, 0.001


def paramagnetic_sign(
    chi: np.ndarray, magnitude: np.ndarray, mask: np.ndarray, voxel_mm: Vector
) -> int:
    """Return +1 if what stands out in a susceptibility map is paramagnetic, else -1.

    Two things are told of it, each of which has the opposite sign with the opposite phase. Veins,
    nuclei and bleeds are stronger, and there is more of them, than anything diamagnetic (the
    skewness of the map). And the stronger they are, the darker they are in a late gradient echo
    (a correlation); what is diamagnetic and dark, calcium, is rare.

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
    sigma = [LARGEST_MM / 2 / v for v in voxel_mm]
    share = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    deep = mask & (share > DEEP)
    deep = deep if deep.any() else mask
    share = np.where(mask, share, 1)

    def around(image: np.ndarray) -> np.ndarray:
        return (ndimage.gaussian_filter(image * mask, sigma) / share)[deep]

    contrast = chi[deep] - around(chi)
    darkness = 1 - magnitude[deep] / np.maximum(around(magnitude), np.finfo(np.float32).tiny)
    strength = np.abs(contrast)
    most = np.quantile(strength, 1 - BEYOND)
    skewness = np.mean(_standard(np.clip(contrast, -most, most)) ** 3)
    strong = strength >= np.quantile(strength, 1 - STRONG)
    together = np.vdot(_standard(contrast[strong]), _standard(darkness[strong])) / strong.sum()
    return 1 if skewness + together > 0 else -1


def _standard(values: np.ndarray) -> np.ndarray:
    """Values less their mean, in standard deviations."""
    return (values - values.mean()) / max(float(values.std()), 1e-20)
