"""From a gradient echo's magnitude and phase to SWI and QSM: the whole road."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import fft, ndimage

from deepmir_bids.imaging.large_volumes import box_of
from deepmir_bids.reconstruction.background_dipoles import project_onto_dipoles
from deepmir_bids.reconstruction.background_field import remove_background
from deepmir_bids.reconstruction.echo_field import EchoField, field_from_echoes
from deepmir_bids.reconstruction.inversion_l2 import invert_l2
from deepmir_bids.reconstruction.inversion_tkd import invert_truncated
from deepmir_bids.reconstruction.inversion_tv import invert_tv
from deepmir_bids.reconstruction.kspace_filter import Vector
from deepmir_bids.reconstruction.phase_sign import paramagnetic_sign
from deepmir_bids.reconstruction.relaxation import fit_r2star
from deepmir_bids.reconstruction.slice_signs import mend_slice_signs
from deepmir_bids.reconstruction.smooth_phase import smooth_part
from deepmir_bids.reconstruction.swi_of_echoes import minimum_projection, swi_of_echoes


@dataclass(frozen=True)
class Methods:
    """How the maps are made.

    ``background`` is ``'pdf'`` or ``'vsharp'``, ``inversion`` ``'tv'``, ``'l2'`` or ``'tkd'``.
    Susceptibility is given where the brain is ``rim_mm`` deep.
    """

    background: str = 'pdf'
    inversion: str = 'tv'
    rim_mm: float = 2.5


DEFAULTS = Methods()
#: What the removal of the background and the penalty take together, of every contrast alike: it is
#: given back. Measured on the first three heads of bench/reconstruction.py; no figure of theirs
#: but the scale depends on it.
GIVEN_BACK = 1.08
#: Share of the usual precision below which there is no signal to speak of.
LEAST_SIGNAL = 0.4


@dataclass(frozen=True)
class Maps:
    """What was made, all of it (X, Y, Z) on the grid of the echoes.

    ``swi`` is in the unit of the magnitude, and ``minip`` its minimum over 10 mm along the last
    axis. ``chi_ppm`` is susceptibility relative to its mean in ``mask``, where it is known; it is
    zero elsewhere. ``field_ppm`` is the local field and ``total_field_ppm`` the whole one, zero
    outside the brain, both relative to the main field and growing with it. ``r2star`` is in 1/s,
    or None with fewer than three echoes. ``phase_sign`` is +1 if the scanner's phase grows with
    the field, else -1. ``notes`` are sentences for the reader.
    """

    swi: np.ndarray
    minip: np.ndarray
    chi_ppm: np.ndarray
    field_ppm: np.ndarray
    total_field_ppm: np.ndarray
    mask: np.ndarray
    r2star: np.ndarray | None
    phase_sign: int
    notes: list[str] = field(default_factory=list)


def reconstruct(
    magnitude: np.ndarray,
    phase: np.ndarray,
    echo_times_s: Sequence[float],
    field_t: float,
    voxel_mm: Vector,
    b0_direction: Vector,
    brain: np.ndarray,
    methods: Methods = DEFAULTS,
    threads: int = 1,
) -> Maps:
    """Make SWI, susceptibility and R2* from magnitude and phase of one or several echoes.

    Parameters
    ----------
    magnitude, phase
        Echoes (echoes, X, Y, Z), float32, slices along the last axis; the phase in rad, wrapped
        or not, of either sign.
    echo_times_s
        Echo times in s, growing.
    field_t
        Main field in T.
    voxel_mm
        Voxel sizes in mm.
    b0_direction
        Direction of the main field in the image's own axes, of any length.
    brain
        Brain mask (X, Y, Z).
    methods
        How.
    threads
        Threads of the Fourier transforms.

    Returns
    -------
    maps
        The maps.

    Raises
    ------
    ValueError
        If there is no brain, or a method that is not known.

    """
    brain = brain.astype(bool)
    if not brain.any():
        raise ValueError('reconstruct needs a brain mask that is not empty.')
    images, flipped = mend_slice_signs(_complex(magnitude, phase))
    notes = ['Every other slice had its sign changed.'] if flipped else []
    box = box_of(brain, 1)
    within, inside = images[(slice(None), *box)], brain[box]
    args = (voxel_mm, b0_direction)
    with fft.set_workers(threads):
        total = field_from_echoes(list(within), echo_times_s, inside, voxel_mm, field_t)
        inside = _with_signal(total, inside)
        local, known = _local_field(total, inside, *args, methods)
        if len(images) == 1:
            smooth = smooth_part(local, known, total.precision)
            total = replace(total, field_ppm=total.field_ppm - smooth)
            local, known = _local_field(total, inside, *args, methods)
        mask = _trusted(total, known, inside, voxel_mm, methods.rim_mm)
        quick = invert_truncated(local, mask, *args)
        sign = paramagnetic_sign(quick, np.abs(within[-1]), mask, voxel_mm)
        combined = np.sqrt((np.abs(within) ** 2).sum(axis=0))
        chi = sign * _inverted(local, known, combined, total, *args, methods) * mask
        chi[mask] -= chi[mask].mean()
        swi = swi_of_echoes(images, echo_times_s, sign)

    def whole(part: np.ndarray) -> np.ndarray:
        array = np.zeros(brain.shape, part.dtype)
        array[box] = part
        return array

    return Maps(
        swi=swi,
        minip=minimum_projection(swi, float(voxel_mm[2])),
        chi_ppm=whole(chi),
        field_ppm=whole(sign * local),
        total_field_ppm=whole(sign * total.field_ppm),
        mask=whole(mask),
        r2star=fit_r2star(magnitude, echo_times_s) if len(magnitude) > 2 else None,
        phase_sign=sign,
        notes=notes,
    )


def _complex(magnitude: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Return the complex images, complex64; what is not finite is no signal."""
    images = np.empty(magnitude.shape, np.complex64)
    np.multiply(magnitude, np.cos(phase), out=images.real)
    np.multiply(magnitude, np.sin(phase), out=images.imag)
    images[~np.isfinite(images)] = 0
    return images


def _local_field(
    total: EchoField, brain: np.ndarray, voxel_mm: Vector, b0_direction: Vector, methods: Methods
) -> tuple[np.ndarray, np.ndarray]:
    """Return the field of the sources in the brain, and where it is known."""
    if methods.background == 'pdf':
        trust = np.minimum(total.precision, 1.5)
        local = project_onto_dipoles(total.field_ppm, brain, voxel_mm, b0_direction, trust)
        return local, brain
    if methods.background == 'vsharp':
        smallest = max(2.5, 1.01 * max(voxel_mm))
        radii = [r for r in (12.0, 9.0, 6.0, 4.0) if r > smallest]
        return remove_background(total.field_ppm, brain, voxel_mm, [*radii, smallest])
    raise ValueError(f"background must be 'pdf' or 'vsharp', not {methods.background!r}.")


def _with_signal(total: EchoField, brain: np.ndarray) -> np.ndarray:
    """Cut off the parts of a brain whose signal a sinus beside it has taken.

    A hole within, as a microbleed makes it, stays part of the brain.
    """
    present = brain & (ndimage.gaussian_filter(total.precision, 1.0) > LEAST_SIGNAL)
    parts, _ = ndimage.label(present)
    counts = np.bincount(parts.ravel())[1:]
    if not len(counts):
        return brain
    return brain & ndimage.binary_fill_holes(parts == 1 + counts.argmax())


def _trusted(
    total: EchoField, known: np.ndarray, brain: np.ndarray, voxel_mm: Vector, rim_mm: float
) -> np.ndarray:
    """Return where the susceptibility can be trusted: away from the rim, and from the image's."""
    depth = ndimage.distance_transform_edt(np.pad(brain, 1), sampling=voxel_mm)[1:-1, 1:-1, 1:-1]
    return known & (depth > max(rim_mm, *voxel_mm))


def _inverted(
    local: np.ndarray,
    mask: np.ndarray,
    magnitude: np.ndarray,
    total: EchoField,
    voxel_mm: Vector,
    b0_direction: Vector,
    methods: Methods,
) -> np.ndarray:
    if methods.inversion == 'tv':
        trust = np.minimum(total.precision, 1.5)
        return GIVEN_BACK * invert_tv(local, mask, voxel_mm, b0_direction, trust, magnitude)
    if methods.inversion == 'l2':
        return invert_l2(local, mask, voxel_mm, b0_direction)
    if methods.inversion == 'tkd':
        return invert_truncated(local, mask, voxel_mm, b0_direction)
    raise ValueError(f"inversion must be 'tv', 'l2' or 'tkd', not {methods.inversion!r}.")
