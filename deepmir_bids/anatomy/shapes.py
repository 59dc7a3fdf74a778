"""Ellipsoids in MNI mm: the tables that they are kept in, and their distance on any grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deepmir_bids import data

#: A row describes the left side; the right is its mirror image.
SIDES = (('left', 1.0), ('right', -1.0))


@lru_cache(maxsize=2)
def load_shapes(name: str):
    """The table ``data/atlases/<name>.tsv``: a row per ellipsoid, of which a structure has some."""
    import pandas as pd

    return pd.read_csv(data.load('atlases', f'{name}.tsv'), sep='\t')


def ellipsoid(row, sign: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Centre (3,) and semi-axes (columns of 3x3), in mm, of a row; ``sign`` -1 mirrors x."""
    from scipy.spatial.transform import Rotation

    rotation = Rotation.from_euler('xyz', [row.rx_deg, row.ry_deg, row.rz_deg], degrees=True)
    mirror = np.array([sign, 1.0, 1.0])
    centre = mirror * [row.x_mm, row.y_mm, row.z_mm]
    return centre, mirror[:, None] * rotation.as_matrix() * [row.a_mm, row.b_mm, row.c_mm]


def distance_mm(
    shape: tuple[int, ...],
    affine: np.ndarray,
    table,
    sign: float = 1.0,
    reach_mm: float = np.inf,
) -> np.ndarray:
    """Distance from a union of ellipsoids, along the ray from each centre; negative inside.

    Parameters
    ----------
    shape, affine
        The grid; its world is MNI mm.
    table
        Rows of the ellipsoids.
    sign
        1 for the left side, -1 for the right.
    reach_mm
        Farther than about this the distance is left infinite, which saves time.

    Returns
    -------
    distance
        float32 of the given shape, in mm.
    """
    distance = np.full(shape, np.inf, np.float32)
    for row in table.itertuples():
        centre, axes = ellipsoid(row, sign)
        box = _voxel_box(centre, axes, reach_mm, shape, affine)
        near = distance[box]
        np.minimum(near, _ray_distance(centre, axes, box, affine), out=near)
    return distance


def _voxel_box(centre, axes, reach_mm, shape, affine) -> tuple[slice, ...]:
    """The part of the grid that holds an ellipsoid and what is near; empty where it is outside."""
    if np.isinf(reach_mm):
        return tuple(slice(0, n) for n in shape)
    to_voxel = np.linalg.inv(affine)
    middle = to_voxel[:3, :3] @ centre + to_voxel[:3, 3]
    # An ellipsoid reaches as far along a direction as the norm of its axes projected on it.
    reach = np.linalg.norm(to_voxel[:3, :3] @ axes, axis=1)
    reach += reach_mm * np.linalg.norm(to_voxel[:3, :3], axis=1)
    low = np.clip(np.ceil(middle - reach), 0, shape).astype(int)
    high = np.clip(np.floor(middle + reach) + 1, low, shape).astype(int)
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def _ray_distance(centre, axes, box, affine) -> np.ndarray:
    i, j, k = np.ogrid[box]

    def norm(matrix, offset):
        squares = (
            (row[0] * i + row[1] * j + row[2] * k + b) ** 2
            for row, b in zip(matrix.astype(np.float32), offset.astype(np.float32), strict=True)
        )
        return np.sqrt(sum(squares), dtype=np.float32)

    to_unit = np.linalg.inv(axes)
    offset = affine[:3, 3] - centre
    level = norm(to_unit @ affine[:3, :3], to_unit @ offset)
    radius = norm(affine[:3, :3], offset)
    # At the centre itself the ray has no direction: the shortest semi-axis is the depth there.
    shortest = np.linalg.norm(axes, axis=0).min()
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.where(level > 0, radius * (1 - 1 / level), -shortest)
