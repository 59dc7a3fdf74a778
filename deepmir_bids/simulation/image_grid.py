"""Grids along the image's own axes, and smooth noise on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmir_bids.reconstruction.kspace_filter import Vector

#: Part of a grid.
Box = tuple[slice, ...]


@dataclass(frozen=True)
class ImageGrid:
    """A rectilinear grid in image mm: the image's own axes, origin at the field of view's centre.

    ``origin`` is the centre of voxel (0, 0, 0) in mm, ``spacing`` the voxel sizes in mm.
    """

    origin: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[int, ...]

    @classmethod
    def centred(cls, centre: Vector, spacing: Vector, shape: Vector):
        """Return the grid of given spacing and shape whose middle lies at ``centre``."""
        origin = np.asarray(centre) - (np.asarray(shape) - 1) / 2 * np.asarray(spacing)
        return cls(tuple(map(float, origin)), tuple(map(float, spacing)), tuple(map(int, shape)))

    def coordinates(self, axis: int) -> np.ndarray:
        """Return the voxel centres along an axis in mm."""
        return self.origin[axis] + self.spacing[axis] * np.arange(self.shape[axis])

    def index(self, points_mm: np.ndarray) -> np.ndarray:
        """Return fractional voxel indices (..., 3) of points in image mm (..., 3)."""
        return (np.asarray(points_mm) - self.origin) / self.spacing

    def crop(self, box: Sequence[slice]) -> 'ImageGrid':
        """Return the grid of a box of this grid's voxels."""
        start = np.array([s.start for s in box])
        origin = np.asarray(self.origin) + start * self.spacing
        shape = tuple(s.stop - s.start for s in box)
        return ImageGrid(tuple(map(float, origin)), self.spacing, shape)

    def subdivided(self, factors: Sequence[int]) -> 'ImageGrid':
        """Return the grid that cuts every voxel into ``factors`` parts along each axis."""
        factor = np.asarray(factors)
        spacing = np.asarray(self.spacing) / factor
        origin = np.asarray(self.origin) - np.asarray(self.spacing) / 2 + spacing / 2
        shape = tuple(int(n) for n in np.asarray(self.shape) * factor)
        return ImageGrid(tuple(map(float, origin)), tuple(map(float, spacing)), shape)

    def box_around(self, centre_mm: np.ndarray, reach_mm: float) -> Box:
        """Return the voxels within ``reach_mm`` of a point along every axis, cut at the grid."""
        low = np.ceil(self.index(np.asarray(centre_mm) - reach_mm)).astype(int)
        high = np.floor(self.index(np.asarray(centre_mm) + reach_mm)).astype(int) + 1
        low, high = np.clip(low, 0, self.shape), np.clip(high, 0, self.shape)
        return tuple(slice(int(a), int(max(a, b))) for a, b in zip(low, high, strict=True))


def interpolate(image: np.ndarray, source: ImageGrid, target: ImageGrid) -> np.ndarray:
    """Interpolate an image linearly from one grid to another; beyond its rim the rim's value.

    Both grids have the same axes, which are interpolated in turn.
    """
    result = image
    for axis in sorted(range(3), key=lambda a: target.shape[a] / source.shape[a]):
        position = (target.coordinates(axis) - source.origin[axis]) / source.spacing[axis]
        position = np.clip(position, 0, source.shape[axis] - 1)
        low = np.minimum(position.astype(int), max(source.shape[axis] - 2, 0))
        high = np.minimum(low + 1, source.shape[axis] - 1)
        weight = (position - low).astype(np.float32)
        weight = weight.reshape([-1 if a == axis else 1 for a in range(3)])
        below, above = result.take(low, axis=axis), result.take(high, axis=axis)
        above -= below
        above *= weight
        result = below + above
    return result


def block_mean(image: np.ndarray, factors: Sequence[int]) -> np.ndarray:
    """Average blocks of ``factors`` voxels."""
    a, b, c = factors
    x, y, z = image.shape
    return image.reshape(x // a, a, y // b, b, z // c, c).mean(axis=(1, 3, 5))


def smooth_noise(
    shape: Sequence[int], scale_voxels: float | Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Return a random cubic spline of unit variance, its knots ``scale_voxels`` apart."""
    scales = np.broadcast_to(np.asarray(scale_voxels, dtype=float), 3)
    weights = [_spline_weights(n, s) for n, s in zip(shape, scales, strict=True)]
    noise = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    # A cubic B-spline of white noise has variance (sum of squared weights) per axis.
    gain = float(np.prod([1 / np.sqrt((w**2).sum(axis=1).mean()) for w in weights]))
    for weight in weights:
        noise = np.tensordot(noise, weight, axes=(0, 1))
    return noise * np.float32(gain)


def _spline_weights(n: int, scale: float) -> np.ndarray:
    """Return cubic B-spline weights (n, knots) for knots ``scale`` samples apart."""
    position = np.arange(n) / scale
    knots = np.arange(-1, int(position[-1]) + 3)
    distance = np.abs(position[:, None] - knots)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)
