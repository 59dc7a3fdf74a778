"""What a network takes for lesions wrongly: it is shown these places again (Shrivastava 2016).

Looked for on the working grid, where the patches are cut: on a GPU, to bring the probabilities of
three brains back to their SWI would take as long as the hundred steps in between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.model.prediction import Model, predict
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import CachedSubject, dark_places

#: Probability that is taken for a lesion while a network learns.
TAKEN = 0.3
#: What is so near a lesion of the same class is counted as found.
SAME_MM = 5.0
#: At most so many places are kept of a subject, and so many dark ones beside them.
MOST, DARK = 100, 30


def mine(model: Model, subjects: Sequence[CachedSubject], plan: Plan, seed: int) -> None:
    """Find what the network of now takes for lesions in some subjects, and remember it there."""
    rng = np.random.default_rng((plan.seed, seed, 1))
    chosen = rng.choice(len(subjects), min(plan.mined_subjects, len(subjects)), replace=False)
    choices = model.card.combinations
    inputs = choices[rng.integers(len(choices))]
    for subject in (subjects[i] for i in chosen):
        # A few dark places stay in: what was learnt must not be forgotten.
        places = [false_places(model, subject, inputs)[:MOST], dark_places(subject, DARK, seed)]
        subject.hard = np.concatenate(places)


def false_places(model: Model, subject: CachedSubject, inputs: Sequence[str]) -> np.ndarray:
    """Centres (n, 3), in working voxels, of what is taken for a lesion and is none."""
    from scipy.ndimage import label

    device = str(next(model.network.parameters()).device)
    outputs = predict(model, subject.given(model.card, inputs), device, mirror=False)
    false = [np.empty((0, 3), dtype=int)]
    for name, taken, target in zip(CLASSES, outputs, subject.target, strict=True):
        labels, count = label((taken >= TAKEN) & subject.areas[name], np.ones((3, 3, 3), bool))
        voxels = np.argwhere(labels)
        index = labels[labels > 0] - 1
        size = np.bincount(index, minlength=count)
        centres = np.stack([np.bincount(index, along, count) / size for along in voxels.T], axis=1)
        touches = np.bincount(index, target[labels > 0], count) > 0
        far = _distances_mm(centres, subject.lesions[name], subject.spacing_mm) > SAME_MM
        false.append(np.round(centres[far & ~touches]).astype(int))
    return np.concatenate(false)


def _distances_mm(places: np.ndarray, lesions: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """How far each place (n, 3) is from the nearest lesion (m, 3), in voxels of some spacing."""
    apart = (places[:, None] - lesions) * spacing_mm
    return np.linalg.norm(apart, axis=2).min(axis=1, initial=np.inf)
