"""Unions of ellipsoids in MNI mm: the tables that they are kept in, and the distance from them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deepmir_bids.data import load


@lru_cache(maxsize=2)
def load_shapes(name: str):
    """The table ``data/atlases/<name>.tsv``: a row per ellipsoid, of which a structure has some.

    A row describes the left side (x below 0); the right is its mirror image.
    """
    import pandas as pd

    return pd.read_csv(load('atlases', f'{name}.tsv'), sep='\t')


@lru_cache(maxsize=64)
def _ellipsoids(table_name: str, structure: str) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Centre (3,) and semi-axes (columns of 3x3), in mm, of each part of a structure."""
    from scipy.spatial.transform import Rotation

    table = load_shapes(table_name)
    rows = table[table['structure'] == structure]
    rotations = Rotation.from_euler('xyz', rows[['rx_deg', 'ry_deg', 'rz_deg']], degrees=True)
    axes = rotations.as_matrix() * rows[['a_mm', 'b_mm', 'c_mm']].to_numpy()[:, None, :]
    return tuple(zip(rows[['x_mm', 'y_mm', 'z_mm']].to_numpy(), axes, strict=True))


def distance_mm(points: np.ndarray, table_name: str, *structures: str) -> np.ndarray:
    """Distance of points from the union of some structures, negative inside.

    The distance is taken along the ray from each ellipsoid's centre: exact for a sphere, and zero
    on the surface of any ellipsoid.

    Parameters
    ----------
    points
        (n, 3), MNI mm. Either side: x is mirrored to the left.
    table_name
        ``'nuclei'`` or ``'regions'``.
    structures
        Names without side, as in the table.

    Returns
    -------
    distance
        (n,) float32, in mm.

    """
    left = np.array(points, np.float32)
    left[:, 0] = -np.abs(left[:, 0])
    distance = np.full(len(left), np.inf, np.float32)
    for structure in structures:
        for centre, axes in _ellipsoids(table_name, structure):
            ray = left - centre.astype(np.float32)
            level = _norm(ray @ np.linalg.inv(axes).T.astype(np.float32))
            # At the centre itself the ray has no direction: a point beside it is as deep.
            level = np.maximum(level, np.float32(1e-3))
            np.minimum(distance, _norm(ray) - _norm(ray) / level, out=distance)
    return distance


def _norm(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum('ij,ij->i', vectors, vectors))


def grid_points(
    shape: tuple[int, ...], affine: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """World coordinates (n, 3) float32, in mm, of a grid's voxels in C order, or of a mask's."""
    voxels = np.argwhere(np.ones(shape, bool) if mask is None else mask).astype(np.float32)
    return voxels @ affine[:3, :3].T.astype(np.float32) + affine[:3, 3].astype(np.float32)
