"""Whether a QSM lies on its SWI, told by the veins that both show.

Veins are dark in an SWI where their field bends it, which a QSM foretells: the size of the field
that its fine structures make, and the structures themselves, correlate with the SWI's darkness
wherever the map's sign and unit. Unlike mutual information of whole heads, this tells a shift of
one slice. ``docs/inputs.md`` has the figures that the bounds lie between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from nibabel.affines import apply_affine, from_matvec, voxel_sizes

from deepmir_bids.imaging.intensity_normalisation import flatten_shading
from deepmir_bids.imaging.large_volumes import row_ends, slabwise
from deepmir_bids.imaging.resampling import measured_voxels, resample

if TYPE_CHECKING:
    import nibabel as nib

#: Veins are compared on voxels of at least this size: finer ones cost time and tell no more.
GRID_MM = 1.6
#: What is wider than this is no vein.
FINE_MM = 3.0
#: The darkness of a void says no more than half of it.
DARKEST = 0.5
#: Susceptibility beyond this many robust standard deviations counts as this.
MOST_SD = 6.0
#: How much a structure itself counts beside the field it makes (ppm against ppm).
SHARE_OF_CHI = 0.5
#: Shifts up to this are looked for, from where the headers put the map.
REACH_MM = 30.0
#: A map lies on its SWI up to this shift along any axis, in voxels of the SWI.
MOST_SHIFT_VOXELS = 0.8
#: Correlation of a map that lies where it should is .067 and more, of another head's .020 and less
#: as it lies, and up to .035 where it fits best by chance.
LEAST_CORRELATION, LEAST_CORRELATION_MOVED = 0.03, 0.045
#: A better place has to be better by this factor: a turn of 2 degrees costs more (.78 to .86 of
#: the correlation is left), and a sound map never gained so much.
LEAST_GAIN = 1.1
#: Turns about each axis, in degrees, by which it is told whether a map lies best where it is.
TURN_DEG = 2.0
#: Turns that a search starts from.
STARTS_DEG = (-6.0, 0.0, 6.0)
#: Smoothing in mm and number of voxels of each round of a search.
COARSE, FINE = (3.0, 3000), (1.2, 6000)


@dataclass(frozen=True)
class QsmFit:
    """How a QSM lies on its SWI.

    Attributes
    ----------
    matrix
        4x4: takes the QSM's world to the SWI's; the identity if it lies there already.
    moved_mm
        How far the farthest brain voxel moves by it, in mm.
    correlation
        Of their veins, after that.
    correlation_as_is
        The same where the headers put the map.

    """

    matrix: np.ndarray
    moved_mm: float
    correlation: float
    correlation_as_is: float

    @property
    def fits(self) -> bool:
        """Whether they show the same veins in the same places."""
        return self.correlation >= LEAST_CORRELATION


@dataclass(frozen=True)
class _Veins:
    """A picture of the veins, (X, Y, Z) with their mean taken out, and its affine to RAS+ mm."""

    values: np.ndarray
    affine: np.ndarray

    @property
    def zooms(self) -> np.ndarray:
        """Voxel sizes in mm."""
        return voxel_sizes(self.affine)

    def on_grid_of(self, other: _Veins, matrix: np.ndarray) -> np.ndarray:
        """Values where the other picture's voxels are, after ``matrix`` has moved this one."""
        to_voxels = np.linalg.inv(matrix @ self.affine) @ other.affine
        shape = other.values.shape
        return resample(self.values, to_voxels[:3, :3], to_voxels[:3, 3], shape, mode='constant')


def fit_qsm(qsm: nib.Nifti1Image, swi: nib.Nifti1Image, brain: np.ndarray) -> QsmFit:
    """Find where a QSM lies on its SWI, and where it should.

    Parameters
    ----------
    qsm
        In any unit and sign, on any grid, 0 where not measured.
    swi
        Of the same head; NaN where it cannot be trusted.
    brain
        bool, on the grid of the SWI.

    Returns
    -------
    fit
        See `QsmFit`.

    """
    dark, bending = _dark_veins(swi, brain), _bending_veins(qsm)
    identity = np.eye(4)
    here = bending.on_grid_of(dark, identity)
    as_is = _correlation(dark.values, here)
    shift = _best_shift(dark.values, here, dark.zooms)
    shift_mm = dark.affine[:3, :3] @ shift
    in_voxels = np.linalg.solve(swi.affine[:3, :3], shift_mm)
    near = np.abs(in_voxels).max() <= MOST_SHIFT_VOXELS
    if near and as_is >= LEAST_CORRELATION and not _turning_helps(dark, bending):
        return QsmFit(identity, 0.0, as_is, as_is)
    matrix = _best_move(dark, bending, shift_mm)
    moved = _correlation(dark.values, bending.on_grid_of(dark, matrix))
    if moved < max(LEAST_CORRELATION_MOVED, LEAST_GAIN * as_is):
        return QsmFit(identity, 0.0, as_is, as_is)
    places = apply_affine(swi.affine, row_ends(brain))
    moved_mm = np.linalg.norm(apply_affine(matrix, places) - places, axis=1).max()
    return QsmFit(matrix, float(moved_mm), moved, as_is)


def _dark_veins(swi: nib.Nifti1Image, brain: np.ndarray) -> _Veins:
    """How much darker each voxel of a brain is than what is around it."""
    from scipy.ndimage import binary_erosion

    zooms = voxel_sizes(swi.affine)
    level = flatten_shading(np.maximum(swi.get_fdata(dtype=np.float32), 0), brain, zooms)
    trusted = np.isfinite(level)
    middle = np.median(level[brain & trusted])
    darkness = slabwise(lambda level: np.clip(1 - level / middle, 0, DARKEST), level)
    del level
    steps, shape, affine = _coarser(swi.shape, swi.affine)
    matrix, offset = np.diag(steps), (steps - 1) / 2
    inside = resample(brain.astype(np.float32), matrix, offset, shape) > 0.5
    # The rim of the brain is dark for want of brain.
    inside = binary_erosion(inside, iterations=max(1, round(FINE_MM / GRID_MM)))
    darkness = resample(darkness, matrix, offset, shape, trusted)
    inside &= np.isfinite(darkness)
    return _Veins(_fine(np.nan_to_num(darkness), inside, affine), affine)


def _bending_veins(qsm: nib.Nifti1Image) -> _Veins:
    """The size of the field that the fine structures of a map make, and of the structures."""
    from scipy import fft
    from scipy.ndimage import binary_erosion

    from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel

    chi = qsm.get_fdata(dtype=np.float32)
    measured = measured_voxels(chi)
    low, middle, high = np.percentile(chi[measured], (16, 50, 84)) if measured.any() else (0, 0, 0)
    spread = max(float(high - low) / 2, np.finfo(np.float32).tiny)
    steps, shape, affine = _coarser(qsm.shape, qsm.affine)
    chi = slabwise(lambda chi: np.clip((chi - middle) / spread, -MOST_SD, MOST_SD), chi)
    chi = resample(chi, np.diag(steps), (steps - 1) / 2, shape, measured)
    inside = binary_erosion(np.isfinite(chi))
    chi = _fine(np.nan_to_num(chi), inside, affine)
    zooms = voxel_sizes(affine)
    kernel = dipole_kernel(shape, zooms, np.linalg.solve(affine[:3, :3] / zooms, (0, 0, 1)))
    field = fft.irfftn(fft.rfftn(chi) * kernel, shape)
    size = np.abs(field) + SHARE_OF_CHI * np.abs(chi)
    if inside.any():
        size = np.minimum(size, np.percentile(size[inside], 99.5))
    return _Veins(_fine(size, inside, affine), affine)


def _coarser(
    shape: Sequence[int], affine: np.ndarray
) -> tuple[np.ndarray, tuple[int, ...], np.ndarray]:
    """Voxels for each of a grid of at least `GRID_MM`, its shape and affine."""
    steps = np.maximum(GRID_MM / voxel_sizes(affine), 1)
    coarser = affine @ from_matvec(np.diag(steps), (steps - 1) / 2)
    return steps, tuple(int(n) for n in np.ceil(np.array(shape[:3]) / steps)), coarser


def _fine(image: np.ndarray, inside: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """What is finer than `FINE_MM` in an image, inside of a mask; 0 outside."""
    from scipy.ndimage import gaussian_filter

    sigma = FINE_MM / voxel_sizes(affine)
    weight = gaussian_filter(inside.astype(np.float32), sigma)
    level = gaussian_filter(np.where(inside, image, 0).astype(np.float32), sigma)
    return np.where(inside, image - level / np.maximum(weight, 0.05), 0).astype(np.float32)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    size = np.sqrt(np.vdot(one, one) * np.vdot(other, other))
    return float(np.vdot(one, other) / size) if size else 0.0


def _best_shift(fixed: np.ndarray, moving: np.ndarray, zooms: np.ndarray) -> np.ndarray:
    """Shift of ``moving``, in voxels and parts of them, at which the two correlate most."""
    from scipy import fft

    reach = np.minimum((REACH_MM / zooms).astype(int), np.array(fixed.shape) - 1)
    padded = [fft.next_fast_len(int(n + r), True) for n, r in zip(fixed.shape, reach, strict=True)]
    correlation = fft.irfftn(fft.rfftn(fixed, padded) * np.conj(fft.rfftn(moving, padded)), padded)
    window = np.roll(correlation, reach, axis=(0, 1, 2))[tuple(slice(2 * r + 1) for r in reach)]
    best = np.array(np.unravel_index(window.argmax(), window.shape))
    parts = np.zeros(3)
    for axis in np.flatnonzero((best > 0) & (best < np.array(window.shape) - 1)):
        step = np.eye(3, dtype=int)[axis]
        below, top, above = (window[tuple(best + k * step)] for k in (-1, 0, 1))
        # The vertex of a parabola; a flat top has none.
        if curve := 2 * top - below - above:
            parts[axis] = (above - below) / (2 * curve)
    return best - reach + parts


class _Misfit:
    """How badly one picture of veins lies on another after a rigid move; lower is better.

    A move is three angles in degrees, about the centre of ``fixed``, and three shifts in mm, and
    takes places of ``fixed`` to those of ``moving``. Only the strongest voxels of ``fixed`` count,
    both smoothed: wide, veins meet from afar.
    """

    def __init__(self, fixed: _Veins, moving: _Veins, sigma_mm: float, number: int):
        from scipy.ndimage import gaussian_filter

        strong = gaussian_filter(fixed.values, sigma_mm / fixed.zooms)
        self.sought = gaussian_filter(moving.values, sigma_mm / moving.zooms)
        voxels = np.argsort(-np.abs(strong), axis=None, kind='stable')[:number]
        self.weights = strong.ravel()[voxels]
        self.places = apply_affine(
            fixed.affine, np.array(np.unravel_index(voxels, strong.shape)).T
        )
        self.centre = apply_affine(fixed.affine, np.array(strong.shape) / 2)
        self.to_voxels = np.linalg.inv(moving.affine)
        self.scale = np.linalg.norm(self.weights) * np.linalg.norm(self.sought) or 1.0

    def __call__(self, move: np.ndarray) -> float:
        from scipy.ndimage import map_coordinates

        there = apply_affine(self.to_voxels @ self.matrix(move), self.places)
        found = map_coordinates(self.sought, there.T, order=1, mode='constant')
        return -float(self.weights @ found / self.scale)

    def matrix(self, move: np.ndarray) -> np.ndarray:
        """4x4 of a move."""
        from scipy.spatial.transform import Rotation

        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_euler('xyz', move[:3], degrees=True).as_matrix()
        matrix[:3, 3] = self.centre + move[3:] - matrix[:3, :3] @ self.centre
        return matrix


def _turning_helps(fixed: _Veins, moving: _Veins) -> bool:
    """Whether ``moving`` would lie better if it were turned a little."""
    misfit = _Misfit(fixed, moving, *FINE)
    turns = TURN_DEG * np.concatenate([np.eye(6)[:3], -np.eye(6)[:3]])
    return min(misfit(turn) for turn in turns) < misfit(np.zeros(6))


def _best_move(fixed: _Veins, moving: _Veins, shift_mm: np.ndarray) -> np.ndarray:
    """Rigid 4x4 that brings ``moving`` onto ``fixed``, sought around a shift."""
    from scipy.optimize import minimize

    starts = [np.array([*turn, *-shift_mm]) for turn in product(STARTS_DEG, repeat=3)]
    for round_ in (COARSE, FINE):
        misfit = _Misfit(fixed, moving, *round_)
        ends = [
            minimize(
                misfit, start, method='Powell', options={'xtol': 0.05, 'ftol': 1e-4, 'maxiter': 20}
            )
            for start in sorted(starts, key=misfit)[:2]
        ]
        starts = [min(ends, key=lambda end: end.fun).x]
    return np.linalg.inv(misfit.matrix(starts[0]))
