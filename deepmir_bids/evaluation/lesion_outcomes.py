"""The outcome of every lesion of a unit: found, missed or false."""

from __future__ import annotations

from typing import Any

import numpy as np
from skimage.measure import regionprops

from deepmir_bids import CLASSES
from deepmir_bids.evaluation.truth_pairs import Case
from deepmir_bids.lesions.lesion_measures import place, shape
from deepmir_bids.lesions.truth_matching import index_lesions, match

#: Diameter of a lesion in mm: name, lower limit (with it) and upper limit (without it).
SIZES = {
    '<2': (0, 2),
    '2-3': (2, 3),
    '3-5': (3, np.nextafter(5, np.inf)),
    '>5': (np.nextafter(5, np.inf), np.inf),
}
#: Region of a lesion that lies where the prediction has no brain.
OUTSIDE = 'outside'

COLUMNS = (
    'unit',
    'class',
    'outcome',
    'region',
    'structure',
    'x',
    'y',
    'z',
    'volume_mm3',
    'diameter_mm',
    'size',
    'found_volume_mm3',
    'distance_mm',
    'dice',
    'probability',
    'detected_at',
)


def list_outcomes(case: Case, detected: dict[str, dict[int, float]]) -> list[dict]:
    """One row for each true lesion and each found one without a partner: see :data:`COLUMNS`.

    Place and size are the true lesion's (TP or FN), or the found one's if there is no true one
    (FP). ``dice`` and ``distance_mm``, of the centroids, compare the two of a TP.
    ``detected_at`` is the highest threshold at which a true lesion is found.

    Parameters
    ----------
    case
        Truth and prediction.
    detected
        Class → index of a true lesion → ``detected_at``.

    """
    return [
        {'unit': case.label, 'class': name, **row}
        for channel, name in enumerate(CLASSES)
        for row in _class_outcomes(case, channel, name, detected[name])
    ]


def _class_outcomes(case: Case, channel: int, name: str, detected: dict[int, float]) -> list[dict]:
    truth = index_lesions(case.truth == CLASSES[name])
    predicted = index_lesions(case.found == CLASSES[name])
    true_measures, predicted_measures = _measure(truth, case), _measure(predicted, case)
    probability = case.probabilities[channel]
    result = match(truth, predicted, case.affine)
    rows = []
    for t, p in result.pairs:
        apart = [true_measures[t][axis] - predicted_measures[p][axis] for axis in 'xyz']
        both = np.count_nonzero((truth == t) & (predicted == p))
        rows.append(
            {
                **true_measures[t],
                'outcome': 'TP',
                'found_volume_mm3': predicted_measures[p]['volume_mm3'],
                'distance_mm': float(np.linalg.norm(apart)),
                'dice': 2 * both / ((truth == t).sum() + (predicted == p).sum()),
                'probability': float(probability[predicted == p].max()),
                'detected_at': detected.get(t, np.nan),
            }
        )
    rows += [
        {**true_measures[t], 'outcome': 'FN', 'detected_at': detected.get(t, np.nan)}
        for t in result.missed
    ]
    rows += [
        {
            **predicted_measures[p],
            'outcome': 'FP',
            'found_volume_mm3': predicted_measures[p]['volume_mm3'],
            'probability': float(probability[predicted == p].max()),
        }
        for p in result.false
    ]
    return rows


def size_of(diameter_mm: float) -> str:
    """Name of the group in :data:`SIZES`."""
    return next(name for name, (low, high) in SIZES.items() if low <= diameter_mm < high)


def _measure(labels: np.ndarray, case: Case) -> dict[int, dict[str, Any]]:
    """Place and size of each lesion by its index."""
    measured = {}
    for lesion in regionprops(labels, spacing=case.zooms):
        row: dict[str, Any] = shape(lesion, case.affine)
        row['size'] = size_of(row['diameter_mm'])
        structure, region = place(case.structures[lesion.slice][lesion.image], case.names)
        row |= {'structure': structure, 'region': OUTSIDE if region in ('', 'n/a') else region}
        measured[lesion.label] = row
    return measured
