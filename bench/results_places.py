"""Where microbleeds of the test subjects are detected and missed, and where QSM was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.affines import apply_affine

from deepmir_bids.training.threshold_choice import LARGE_MM


def by_place(lesions: pd.DataFrame, cache: Path) -> pd.DataFrame:
    """Count true and detected microbleeds by the place that the simulator drew, and by their QSM.

    Parameters
    ----------
    lesions
        The outcome of each lesion, as `deepmir_bids.evaluation.lesion_outcomes` has it.
    cache
        What bench/simulate_training_set.py wrote.

    Returns
    -------
    places
        ``place``; the number of true (``true``) and detected microbleeds (``TP``) there; and of
        those of 3 mm and more (``large_true``, ``large_TP``).

    """
    true = lesions[(lesions['class'] == 'CMB') & (lesions['outcome'] != 'FP')]
    placed = pd.concat([_place(rows, cache, str(unit)) for unit, rows in true.groupby('unit')])
    groups = [
        *placed.groupby('place'),
        *[(f'QSM {name} there', rows) for name, rows in placed.groupby('qsm')],
    ]
    return pd.DataFrame([{'place': name, **_count(rows)} for name, rows in groups])


def _place(lesions: pd.DataFrame, cache: Path, unit: str) -> pd.DataFrame:
    """Add to a unit's lesions where they were drawn, and whether the QSM was measured there."""
    drawn = pd.read_csv(cache / f'{unit}_lesions.csv').query('`class` == "CMB" and visible')
    centres = lesions[['x', 'y', 'z']].to_numpy(float)
    apart = np.linalg.norm(centres[:, None] - drawn[['x', 'y', 'z']].to_numpy(float), axis=-1)
    with np.load(cache / f'{unit}.npz') as arrays:
        measured, affine = arrays['qsm'] != 0, arrays['affine']
    voxels = np.rint(apply_affine(np.linalg.inv(affine), centres)).astype(int)
    around = [measured[tuple(slice(max(i - 1, 0), i + 2) for i in v)].mean() for v in voxels]
    return lesions.assign(
        place=drawn['place'].to_numpy()[apart.argmin(axis=1)],
        qsm=np.where(np.array(around) > 0.5, 'measured', 'not measured'),
    )


def _count(lesions: pd.DataFrame) -> dict[str, int]:
    detected, large = lesions['outcome'] == 'TP', lesions['diameter_mm'] >= LARGE_MM
    return {
        'true': len(lesions),
        'TP': int(detected.sum()),
        'large_true': int(large.sum()),
        'large_TP': int((detected & large).sum()),
    }
