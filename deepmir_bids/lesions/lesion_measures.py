"""What is measured of each lesion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from nibabel.affines import apply_affine, voxel_sizes
from scipy import ndimage
from skimage.measure import regionprops

from deepmir_bids.lesions.lesion_table import columns

#: A microbleed is at most 10 mm wide (Rashid et al. 2021; Greenberg et al. 2009).
MAX_CMB_DIAMETER_MM = 10
EDGE_MM = 2
ELONGATED = 3
DIAMAGNETIC_PPM = -0.05
#: How far the tissue reaches that a lesion's signal is compared with.
SURROUND_MM = 3


def measure_lesions(
    labels: np.ndarray,
    classes: Sequence[str],
    probability: Sequence[float],
    *,
    affine: np.ndarray,
    swi: np.ndarray,
    qsm: np.ndarray | None,
    brain_mask: np.ndarray,
    structures: np.ndarray,
    names: dict[int, tuple[str, str]],
    to_template: Callable[[np.ndarray], np.ndarray],
) -> pd.DataFrame:
    """Make the lesion table, one row for each index of a label image.

    Parameters
    ----------
    labels
        Lesions as 1…N, 0 elsewhere, shape (X, Y, Z).
    classes, probability
        Class and peak probability of lesion 1…N.
    affine
        Of the grid, to RAS+ world mm.
    swi, qsm, brain_mask, structures
        On the same grid; ``qsm`` in ppm with 0 where not measured, or None.
    names
        Name and region of each value in ``structures``.
    to_template
        Takes world points (N, 3) to the template's space, in mm.

    """
    edge = edge_voxels(brain_mask)
    counts = dict.fromkeys(set(classes), 0)
    rows = []
    for lesion in regionprops(labels, spacing=voxel_sizes(affine)):
        index, box = lesion.label, lesion.slice
        kind = classes[index - 1]
        counts[kind] += 1
        row = {'index': index, 'name': f'{kind}-{counts[kind]:02d}', 'class': kind}
        row['structure'], row['region'] = place(structures[box][lesion.image], names)
        row |= shape(lesion, affine)
        row['probability'] = float(probability[index - 1])
        row |= contrast(labels, index, box, affine, swi, qsm, brain_mask)
        centre = np.linalg.inv(affine) @ [row['x'], row['y'], row['z'], 1]
        nearest = np.clip(np.rint(centre[:3]).astype(int), 0, np.array(labels.shape) - 1)
        row['edge_distance_mm'] = distance_to_edge(nearest, brain_mask, edge, affine)
        row['flags'] = flags(row)
        rows.append(row)

    table = pd.DataFrame(rows, columns=[c for c in columns() if not c.endswith('_mni')])
    points = table[['x', 'y', 'z']].to_numpy(dtype=float).reshape(-1, 3)
    table[['x_mni', 'y_mni', 'z_mni']] = to_template(points) if len(points) else points
    return table[list(columns())]


def place(values: np.ndarray, names: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """Name and region of the structure that holds most of the voxels."""
    counts = np.bincount(values[values > 0]) if (values > 0).any() else np.array([1])
    return names.get(int(counts.argmax()), ('n/a', 'n/a'))


def shape(lesion, affine: np.ndarray) -> dict[str, float]:
    """Place, size and form of a lesion.

    Parameters
    ----------
    lesion
        Of scikit-image's ``regionprops``, with the voxel sizes in mm as its ``spacing``.
    affine
        Of the grid, to RAS+ world mm.

    """
    zooms = voxel_sizes(affine)
    centroid = apply_affine(affine, lesion.centroid / zooms)
    # The inertia tensor is the covariance C of the voxels' places, as tr(C) - C. A voxel is a
    # box, not a point: its own second moment keeps a single one from being flat.
    inertia = lesion.inertia_tensor
    covariance = np.eye(3) * np.trace(inertia) / 2 - inertia + np.diag(zooms**2 / 12)
    axes = np.linalg.eigvalsh(covariance)
    return {
        **dict(zip('xyz', map(float, centroid), strict=True)),
        'volume_mm3': float(lesion.area),
        'diameter_mm': float(lesion.equivalent_diameter_area),
        'elongation': float(np.sqrt(axes[-1] / axes[0])),
    }


def contrast(labels, index, box, affine, swi, qsm, brain_mask) -> dict[str, float]:
    """Signal of a lesion in SWI, against the tissue around it, and in QSM."""
    zooms = voxel_sizes(affine)
    reach = np.ceil(SURROUND_MM / zooms).astype(int)
    wide = tuple(slice(max(s.start - r, 0), s.stop + r) for s, r in zip(box, reach, strict=True))
    lesion = labels[wide] == index
    away_mm = ndimage.distance_transform_edt(~lesion, sampling=zooms)
    around = (labels[wide] == 0) & (away_mm <= SURROUND_MM) & (brain_mask[wide] > 0)
    result = {'swi_contrast': np.nan, 'chi_mean_ppm': np.nan, 'chi_max_ppm': np.nan}
    if around.any() and (level := float(np.median(swi[wide][around]))) > 0:
        result['swi_contrast'] = 1 - float(swi[wide][lesion].mean()) / level
    chi = np.array([]) if qsm is None else qsm[wide][lesion]
    if (chi != 0).any():
        result['chi_mean_ppm'] = float(chi[chi != 0].mean())
        result['chi_max_ppm'] = float(chi[chi != 0].max())
    return result


def edge_voxels(brain_mask: np.ndarray) -> np.ndarray:
    """Voxels (3, N) outside of a mask that share a face with one inside: the nearest do."""
    inside = brain_mask > 0
    edge = np.zeros_like(inside)
    for axis in range(3):
        along, beside = np.moveaxis(inside, axis, 0), np.moveaxis(edge, axis, 0)
        beside[1:] |= along[:-1]
        beside[:-1] |= along[1:]
    return np.array(np.nonzero(edge & ~inside))


def distance_to_edge(
    voxel: np.ndarray, brain_mask: np.ndarray, edge: np.ndarray, affine: np.ndarray
) -> float:
    """Distance in mm of a voxel of the mask from the outside of it; 0 for one that is outside."""
    if not brain_mask[tuple(voxel)]:
        return 0.0
    away_mm = (edge - voxel[:, None]) * voxel_sizes(affine)[:, None]
    return float(np.sqrt((away_mm**2).sum(axis=0).min(initial=np.inf)))


def flags(row: dict) -> str | None:
    """What a reader should look at first."""
    found = {
        'large': row['class'] == 'CMB' and row['diameter_mm'] > MAX_CMB_DIAMETER_MM,
        'edge': row['edge_distance_mm'] < EDGE_MM,
        'elongated': row['elongation'] > ELONGATED,
        'diamagnetic': row['chi_mean_ppm'] < DIAMAGNETIC_PPM,
    }
    return ','.join(name for name, is_so in found.items() if is_so) or None
