"""The simulation is no easier than the task: blob detection must fail on it."""

import numpy as np
import pytest
from scipy import ndimage

from deepmir_bids import CLASSES
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.simulated_subject import simulate_subject


def blob_strength(image, zooms):
    """Laplacian of Gaussian of dark blobs, the largest over scales of 0.7 to 1.5 mm."""
    responses = [
        scale**2 * ndimage.gaussian_laplace(image, [scale / z for z in zooms])
        for scale in (0.7, 1.0, 1.5)
    ]
    return np.max(responses, axis=0)


@pytest.mark.slow
@pytest.mark.long
def test_a_blob_detector_drowns_in_false_positives():
    subject = simulate_subject(21, Acquisition(), enriched=True)
    zooms = subject.swi.header.get_zooms()
    brain = subject.brain_mask.get_fdata() > 0
    swi = subject.swi.get_fdata(dtype=np.float32)
    swi = np.where(brain, swi / np.median(swi[brain]), 1)
    strength = blob_strength(swi, zooms)
    inner = ndimage.binary_erosion(brain, iterations=2)
    peaks = (ndimage.maximum_filter(strength, 3) == strength) & inner
    order = np.argsort(-strength[peaks])
    places = np.argwhere(peaks)[order]

    microbleeds = subject.truth.get_fdata() == CLASSES['CMB']
    labels, n = ndimage.label(microbleeds & inner, np.ones((3, 3, 3)))
    distance, nearest = ndimage.distance_transform_edt(
        labels == 0, sampling=zooms, return_indices=True
    )
    found = np.where(
        distance[tuple(places.T)] <= 2, labels[tuple(nearest[(slice(None), *places.T)])], 0
    )
    _, first = np.unique(found, return_index=True)
    first = np.sort(first[found[first] > 0])
    needed = int(np.ceil(0.9 * n))
    assert n >= 10
    assert len(first) >= needed
    assert needed / (first[needed - 1] + 1) < 0.2
