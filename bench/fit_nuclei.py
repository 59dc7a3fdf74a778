"""Fit ellipsoids to an atlas of the deep nuclei: how data/atlases/nuclei.tsv was made.

    python bench/fit_nuclei.py SHARED_DATA [data/atlases]

reads CIT168 (Pauli et al., Sci Data 2018;5:180063, CC BY 4.0) and the Harvard-Oxford subcortical
atlas, both on the grid of MNI152NLin2009cAsym, and nilearn's white matter map; writes nuclei.tsv
and, by the same means, regions.tsv, and prints each structure's Dice.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import torch
from nilearn.datasets import load_mni152_wm_template
from scipy import ndimage
from scipy.spatial.transform import Rotation
from sklearn.cluster import KMeans

CIT168 = 'atlas_cit168/tpl-MNI152NLin2009cAsym_res-01_atlas-CIT168_desc-th25_dseg.nii.gz'
BRAIN = (
    'templateflow/tpl-MNI152NLin2009cAsym/tpl-MNI152NLin2009cAsym_res-02_desc-brain_mask.nii.gz'
)
HOSPA = (
    'templateflow/tpl-MNI152NLin2009cAsym/'
    'tpl-MNI152NLin2009cAsym_res-02_atlas-HOSPA_desc-th25_dseg.nii.gz'
)


def targets(shared: Path) -> dict:
    """Masks to fit: per table and structure the region, grid, left and right mask, and parts."""
    cit_image = nib.load(shared / CIT168)
    cit = np.asarray(cit_image.dataobj)
    hospa_image = nib.load(shared / HOSPA)
    hospa = np.asarray(hospa_image.dataobj)
    white_image = load_mni152_wm_template(resolution=1)

    def labels(image, array, left, right):
        return image, np.isin(array, left), np.isin(array, right)

    def both(image, mask):
        return image, mask, mask

    return {
        'nuclei': {
            'caudate': ('deep', *labels(cit_image, cit, [3], [4]), 4),
            'putamen': ('deep', *labels(cit_image, cit, [1], [2]), 4),
            'pallidum': ('deep', *labels(cit_image, cit, [9, 11], [10, 12]), 3),
            'accumbens': ('deep', *labels(cit_image, cit, [5], [6]), 2),
            'thalamus': ('deep', *labels(hospa_image, hospa, [4], [15]), 4),
            'subthalamic nucleus': ('deep', *labels(cit_image, cit, [31], [32]), 2),
            'substantia nigra': ('infratentorial', *labels(cit_image, cit, [13, 17], [14, 18]), 3),
            'red nucleus': ('infratentorial', *labels(cit_image, cit, [15], [16]), 1),
        },
        'regions': {
            'brainstem': ('infratentorial', *both(hospa_image, hospa == 8), 3),
            'cerebellum': ('infratentorial', *cerebellum(shared, hospa_image, hospa), 4),
            'cerebrum': ('lobar', *labels(hospa_image, hospa, [1, 2], [12, 13]), 6),
            'lateral ventricle': ('deep', *labels(hospa_image, hospa, [3], [14]), 4),
            'corpus callosum': ('deep', *both(white_image, callosum(white_image)), 5),
            'hippocampus': ('lobar', *labels(hospa_image, hospa, [9], [19]), 2),
            'amygdala': ('lobar', *labels(hospa_image, hospa, [10], [20]), 1),
        },
    }


def cerebellum(shared: Path, image, hospa):
    """What Harvard-Oxford leaves unlabelled of the brain, low and far behind."""
    brain = nib.load(shared / BRAIN).get_fdata() > 0.5
    _, y, z = np.moveaxis(nib.affines.apply_affine(image.affine, grid(hospa.shape)), -1, 0)
    rest = ndimage.binary_opening(brain & (hospa == 0) & (z < 12) & (y < -25), iterations=2)
    parts, _ = ndimage.label(rest)
    largest = parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1
    x = nib.affines.apply_affine(image.affine, grid(hospa.shape))[..., 0]
    return image, largest & (x <= 0), largest & (x >= 0)


def callosum(image):
    """White matter within 10 mm of the midline, above the brainstem: largest piece."""
    x, y, z = np.moveaxis(nib.affines.apply_affine(image.affine, grid(image.shape)), -1, 0)
    near = (np.abs(x) < 10) & (y > -50) & (y < 42) & (z > -8) & (z < 36)
    parts, _ = ndimage.label(near & (image.get_fdata() > 0.6))
    middle = parts[np.abs(x) < 3]
    return parts == np.argmax(np.bincount(middle[middle > 0]))


def grid(shape):
    """Voxel indices, shape (*shape, 3)."""
    return np.stack(np.mgrid[tuple(slice(n) for n in shape)], -1)


#: The dentate is in neither atlas: a tilted plate of about 0.9 mL around (-15, -57, -35), the
#: place and the volume of Diedrichsen et al., NeuroImage 2011;54:1786.
PLACED = [
    ('dentate', 'infratentorial', 1, -12.5, -54.0, -32.5, 3.4, 6.0, 4.4, 0.0, 30.0, 0.0),
    ('dentate', 'infratentorial', 2, -17.5, -58.5, -35.5, 4.0, 8.0, 5.0, 0.0, 30.0, 20.0),
]

COLUMNS = [
    *['structure', 'region', 'part', 'x_mm', 'y_mm', 'z_mm', 'a_mm', 'b_mm', 'c_mm'],
    *['rx_deg', 'ry_deg', 'rz_deg'],
]


def mirrored_points(image, left, right, shell_mm=5.0):
    """Points (n, 3) in and near a structure, right mirrored onto left, and which are inside."""
    zooms = image.header.get_zooms()[:3]
    points, inside = [], []
    for mask, sign in ((left, 1.0), (right, -1.0)):
        near = np.argwhere(ndimage.distance_transform_edt(~mask, sampling=zooms) < shell_mm)
        points.append(nib.affines.apply_affine(image.affine, near) * [sign, 1, 1])
        inside.append(mask[tuple(near.T)])
    return np.concatenate(points), np.concatenate(inside)


def fit(points, inside, n_parts: int, seed: int, steps: int = 600):
    """Centres (k, 3), axes matrices (k, 3, 3; unit sphere to mm) and Dice, by gradient ascent."""
    clusters = KMeans(n_parts, n_init=3, random_state=seed).fit_predict(points[inside])
    centres, axes = [], []
    for k in range(n_parts):
        part = points[inside][clusters == k]
        values, vectors = np.linalg.eigh(np.cov(part.T))
        centres.append(part.mean(0))
        axes.append((vectors * np.sqrt(5 * values)).T @ np.eye(3))
    centre = torch.tensor(np.array(centres), requires_grad=True)
    # The rows of `to_unit` map millimetres to the unit sphere; any 3x3 matrix is an ellipsoid.
    to_unit = torch.tensor(
        np.array([np.diag(1 / np.linalg.norm(a, axis=1) ** 2) @ a for a in axes]),
        requires_grad=True,
    )
    x, truth = torch.tensor(points), torch.tensor(inside, dtype=torch.float64)
    optimizer = torch.optim.Adam(
        [{'params': [centre], 'lr': 0.1}, {'params': [to_unit], 'lr': 0.004}]
    )
    for step in range(steps):
        level = torch.stack(
            [torch.linalg.norm((x - c) @ m.T, dim=1) for c, m in zip(centre, to_unit, strict=True)]
        ).amin(0)
        sharpness = 8 + 24 * step / steps
        soft = torch.sigmoid(sharpness * (1 - level))
        loss = 1 - 2 * (soft * truth).sum() / (soft.sum() + truth.sum())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hard = (level < 1).double()
    dice = float(2 * (hard * truth).sum() / (hard.sum() + truth.sum()))
    return centre.detach().numpy(), to_unit.detach().numpy(), dice


def table_rows(name, region, centres, to_unit):
    """Rows of the table: each ellipsoid's centre, semi-axes and Euler angles."""
    for part, (centre, matrix) in enumerate(zip(centres, to_unit, strict=True), start=1):
        _, values, vectors = np.linalg.svd(matrix)
        rotation = vectors.T * [1, 1, np.linalg.det(vectors)]
        angles = Rotation.from_matrix(rotation).as_euler('xyz', degrees=True)
        yield (name, region, part, *centre, *(1 / values), *angles)


def main(shared: Path, out: Path) -> None:
    """Fit every structure from three starts, keep the best, write the two tables."""
    torch.set_num_threads(1)
    placed = {'nuclei': PLACED, 'regions': []}
    for table, structures in targets(shared).items():
        rows = []
        for name, (region, image, left, right, n_parts) in structures.items():
            points, inside = mirrored_points(image, left, right)
            centres, to_unit, dice = max(
                (fit(points, inside, n_parts, seed) for seed in range(3)), key=lambda fit: fit[2]
            )
            print(f'{name}: {inside.sum()} voxels, Dice {dice:.3f}', flush=True)
            rows += table_rows(name, region, centres, to_unit)
        frame = pd.DataFrame(rows + placed[table], columns=COLUMNS).round(2)
        frame.to_csv(out / f'{table}.tsv', sep='\t', index=False, lineterminator='\n')


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else 'data/atlases'))
