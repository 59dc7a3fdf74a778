"""Small truths and predictions in the layout of deepmir's outputs."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids import CLASSES

SHAPE = (60, 40, 24)
AFFINE = np.array([[1.0, 0, 0, -20], [0, 1, 0, -15], [0, 0, 2, 5], [0, 0, 0, 1]])
STRUCTURES = (
    'index\tname\tregion\n1\tleft putamen\tdeep\n2\tcortex\tlobar\n3\tpons\tinfratentorial\n'
)
SIDECAR = {'ExtentThreshold': 0.3, 'MinimumVolume': 0.0, 'Thresholds': {'CMB': 0.5, 'iron': 0.5}}


def draw_boxes(*boxes) -> np.ndarray:
    """A class map; a box is its value, its corner (i, j, k) and its size in voxels."""
    data = np.zeros(SHAPE, dtype=np.uint8)
    for value, corner, size in boxes:
        data[tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))] = value
    return data


def structures() -> np.ndarray:
    """Putamen, cortex and pons as slabs along x, and nothing in the outermost ten voxels."""
    data = np.zeros(SHAPE, dtype=np.uint8)
    data[10:20], data[20:40], data[40:50] = 1, 2, 3
    return data


def write_truth(root: Path, label: str, truth: np.ndarray, affine=AFFINE) -> None:
    """Write a unit's class map, with the indexed lesions that are to be passed over."""
    for desc in ('truth', 'lesions'):
        _save(root, label, f'space-SWI_desc-{desc}_dseg', truth, affine)


def write_prediction(
    root: Path, label: str, found: np.ndarray, probabilities: np.ndarray | None = None
) -> None:
    """Write what deepmir leaves of a unit; the probability is 0.9 in what is found."""
    if probabilities is None:
        probabilities = np.stack([0.9 * (found == value) for value in CLASSES.values()])
    images = {
        'seg-deepmir_dseg': found,
        'seg-deepmir_desc-lesions_dseg': found,
        'seg-deepmir_desc-candidates_dseg': np.zeros_like(found),
        'seg-simple_dseg': structures(),
        'desc-brain_mask': (structures() > 0).astype(np.uint8),
    }
    for name, probability in zip(CLASSES, probabilities, strict=True):
        images[f'seg-deepmir_label-{name}_probseg'] = probability.astype(np.float32)
        images[f'label-{name}_desc-deepmir_mask'] = (found == CLASSES[name]).astype(np.uint8)
    for name, data in images.items():
        path = _save(root, label, f'space-SWI_{name}', data, AFFINE)
        path.with_name(path.name.replace('.nii.gz', '.json')).write_text(json.dumps(SIDECAR))
    stem = path.parent / f'{label}_space-SWI'
    Path(f'{stem}_seg-simple_dseg.tsv').write_text(STRUCTURES)
    for name in ('seg-deepmir', 'seg-deepmir_desc-lesions', 'seg-deepmir_desc-candidates'):
        Path(f'{stem}_{name}_dseg.tsv').write_text('index\n')
    for name in ('from-SWI_to-T', 'from-T_to-SWI'):
        (path.parent / f'{label}_{name}_mode-image_xfm.h5').touch()


def _save(root: Path, label: str, name: str, data: np.ndarray, affine) -> Path:
    path = root.joinpath(*label.split('_'), 'anat', f'{label}_{name}.nii.gz')
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.Nifti1Image(data, affine).to_filename(path)
    return path


#: Four CMB and an iron deposit in the first unit, one CMB in the second, none in the third.
TRUTHS = {
    'sub-01': draw_boxes(
        (1, (25, 10, 5), (2, 2, 1)),  # 8 mm³: 2.5 mm; found one voxel away
        (1, (25, 30, 5), (5, 5, 3)),  # 150 mm³: 6.6 mm; found
        (1, (45, 10, 15), (1, 1, 1)),  # 2 mm³: 1.6 mm; missed
        (1, (12, 20, 5), (3, 3, 2)),  # 36 mm³: 4.1 mm; only half as probable
        (2, (15, 30, 15), (3, 3, 2)),
    ),
    'sub-02_ses-1': draw_boxes((1, (30, 20, 10), (3, 3, 2))),
    'sub-03': draw_boxes(),
}
FOUND = {
    'sub-01': draw_boxes(
        (1, (26, 10, 5), (2, 2, 1)),
        (1, (25, 30, 5), (5, 5, 3)),
        (2, (15, 30, 15), (3, 3, 2)),
        (2, (15, 5, 15), (3, 3, 2)),  # false
    ),
    'sub-02_ses-1': draw_boxes((1, (30, 20, 10), (3, 3, 2)), (1, (44, 20, 10), (3, 3, 2))),
    'sub-03': draw_boxes(),
}


@pytest.fixture
def draw():
    """Return the function that draws a class map."""
    return draw_boxes


@pytest.fixture
def write_unit():
    """Return a function that writes the truth and the prediction of a unit."""

    def write(root: Path, label: str, truth: np.ndarray, found: np.ndarray) -> None:
        write_truth(root / 'truth', label, truth)
        write_prediction(root / 'deepmir', label, found)

    return write


@pytest.fixture
def datasets(tmp_path) -> tuple[Path, Path]:
    """A truth and a prediction of three units; more candidates below the operating point."""
    truth, prediction = tmp_path / 'truth', tmp_path / 'deepmir'
    for label in TRUTHS:
        write_truth(truth, label, TRUTHS[label])
        found = FOUND[label]
        probabilities = np.stack([0.9 * (found == value) for value in CLASSES.values()])
        if label == 'sub-01':
            probabilities[0] += 0.45 * draw_boxes((1, (12, 20, 5), (3, 3, 2)))  # true, below 0.5
        probabilities[0] += 0.35 * draw_boxes((1, (30, 5, 3), (2, 2, 2)))  # false
        probabilities[0] += 0.2 * draw_boxes((1, (45, 10, 15), (1, 1, 1)))  # no candidate at all
        probabilities[1] += 0.4 * draw_boxes((1, (30, 5, 10), (2, 2, 2)))  # not where iron counts
        write_prediction(prediction, label, found, probabilities)
    return truth, prediction
