"""The field from the phase of several echoes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmir_bids.reconstruction.dipole_kernel import radians_per_ppm
from deepmir_bids.reconstruction.kspace_filter import Vector
from deepmir_bids.reconstruction.path_unwrapping import unwrap_path
from deepmir_bids.reconstruction.phase_offset import phase_offset
from deepmir_bids.reconstruction.unwrapping import unwrap_laplacian, wrap


@dataclass(frozen=True)
class EchoField:
    """The field of a head in ppm of the main field, and how much it can be trusted.

    ``field_ppm`` still holds what sources outside the brain cause. ``precision`` is the inverse of
    the noise's standard deviation, its median in the mask being 1. ``misfit`` is the phase in rad,
    root mean square over the echoes, that no field explains: 0 for a single echo.
    """

    field_ppm: np.ndarray
    precision: np.ndarray
    misfit: np.ndarray


def field_from_echoes(
    images: Sequence[np.ndarray],
    times_s: Sequence[float],
    mask: np.ndarray,
    voxel_mm: Vector,
    field_t: float,
) -> EchoField:
    """Fit the field to the phase of one or several echoes.

    The first echo is unwrapped along paths (a single one, often late, by its Laplacian, which
    noise does not lead astray), each later one to the turn that the field so far
    foretells; the field is the weighted mean of what the echoes say, each weighted by its
    precision, magnitude times echo time squared.

    Parameters
    ----------
    images
        Complex images (X, Y, Z), paramagnetic phase positive, in the order of their echoes.
    times_s
        Echo times in s, growing.
    mask
        Where there is signal (X, Y, Z).
    voxel_mm
        Voxel sizes in mm.
    field_t
        Main field in T.

    Returns
    -------
    field
        All arrays (X, Y, Z), float32, zero outside the mask.

    """
    offset = phase_offset(images, times_s, mask, voxel_mm) if len(images) > 1 else np.float32(0)
    phases: list[np.ndarray] = []
    moment = np.zeros(mask.shape, dtype=np.float32)
    weight = np.zeros(mask.shape, dtype=np.float32)
    times = np.asarray(times_s, np.float32)
    for image, time in zip(images, times, strict=True):
        phase = wrap(np.angle(image) - offset).astype(np.float32)
        if phases:
            foretold = moment / np.maximum(weight, 1e-20) * time
            phase = foretold + wrap(phase - foretold)
        elif len(images) > 1:
            phase = unwrap_path(phase, mask)
        else:
            phase = unwrap_laplacian(phase, mask, voxel_mm) * mask
        phases.append(phase)
        trust = np.abs(image) ** 2
        moment += trust * phase * time
        weight += trust * time**2
    rate = moment / np.maximum(weight, 1e-20) * mask
    off = [(phase - rate * time) ** 2 for phase, time in zip(phases, times, strict=True)]
    precision = np.sqrt(weight) * mask
    usual = np.median(precision[mask.astype(bool)])
    return EchoField(
        field_ppm=rate / np.float32(radians_per_ppm(1.0, field_t)),
        precision=precision / usual,
        misfit=np.sqrt(np.mean(off, axis=0)) * mask,
    )
