"""From the noisy complex image to a QSM, as a scanner's user would make it."""

import numpy as np
from scipy import ndimage

from deepmir_bids.imaging.large_volumes import box_of
from deepmir_bids.reconstruction.background_field import remove_background
from deepmir_bids.reconstruction.dipole_kernel import radians_per_ppm
from deepmir_bids.reconstruction.inversion_l2 import invert_l2
from deepmir_bids.reconstruction.inversion_tkd import invert_truncated
from deepmir_bids.reconstruction.inversion_weighted_l2 import invert_weighted_l2
from deepmir_bids.reconstruction.unwrapping import unwrap_laplacian
from deepmir_bids.simulation.acquisition import Acquisition


def random_qsm_mask(
    brain: np.ndarray, magnitude: np.ndarray, voxel_mm: tuple, rng: np.random.Generator
) -> np.ndarray:
    """Draw a brain mask as a tool would give it: eroded, without what lost its signal."""
    box = box_of(brain, 1)
    mask = np.zeros(brain.shape, dtype=bool)
    level = np.median(magnitude[brain])
    mask[box] = _trusted(brain[box], magnitude[box] / level, voxel_mm, rng)
    return mask


def _trusted(
    brain: np.ndarray, magnitude: np.ndarray, voxel_mm: tuple, rng: np.random.Generator
) -> np.ndarray:
    """Return the largest piece of brain away from its rim and with signal, 1 being usual."""
    depth = ndimage.distance_transform_edt(brain, sampling=voxel_mm)
    mask = (depth > rng.uniform(0.3, 3)) & (
        ndimage.uniform_filter(magnitude, 3) > rng.uniform(0.15, 0.35)
    )
    parts, n = ndimage.label(mask)
    if n > 1:
        mask = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return ndimage.binary_fill_holes(mask)


def reconstruct_qsm(
    image: np.ndarray, mask: np.ndarray, acquisition: Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruct susceptibility from a complex image, by the acquisition's method.

    Parameters
    ----------
    image
        Complex image (X, Y, Z) as the scanner gives it.
    mask
        Brain mask (X, Y, Z).
    acquisition
        The scan, with its method of QSM.

    Returns
    -------
    chi_ppm
        Susceptibility (X, Y, Z) in ppm, float32; its mean over where it is known is zero, and so
        is everything outside.
    known
        Where it is known: the mask, eroded by the removal of the background field.

    """
    box = box_of(mask)
    chi = np.zeros(mask.shape, dtype=np.float32)
    known = np.zeros(mask.shape, dtype=bool)
    chi[box], known[box] = _invert(image[box], mask[box], acquisition)
    return chi, known


def _invert(
    image: np.ndarray, mask: np.ndarray, acquisition: Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    phase = np.angle(image) * acquisition.paramagnetic_sign
    unwrapped = unwrap_laplacian(phase, mask, acquisition.voxel_mm)
    coarsest = max(acquisition.voxel_mm)
    radii = tuple(r for r in (8.0, 5.0, 3.0) if r >= 1.01 * coarsest)
    local, known = remove_background(unwrapped, mask, acquisition.voxel_mm, radii)
    field = local / np.float32(radians_per_ppm(acquisition.echo_time_s, acquisition.field_t))
    args = (field, known, acquisition.voxel_mm, acquisition.b0_direction)
    if acquisition.qsm_method == 'tkd':
        chi = invert_truncated(*args)
    elif acquisition.qsm_method == 'l2':
        chi = invert_l2(*args)
    else:
        magnitude = np.abs(image)
        trust = np.clip(magnitude / np.median(magnitude[known]), 0, 1)
        chi = invert_weighted_l2(*args, precision=trust)
    chi[known] -= chi[known].mean()
    return chi, known
