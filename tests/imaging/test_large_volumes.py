"""Memory for a large volume, counted in volumes of float32, and that slabs change no value."""

from __future__ import annotations

import tracemalloc

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from deepmir_bids.anatomy.qsm_fit import fit_qsm
from deepmir_bids.imaging import large_volumes
from deepmir_bids.imaging.intensity_normalisation import normalise_t2w
from deepmir_bids.imaging.large_volumes import box_of, row_ends, slabwise
from deepmir_bids.imaging.read_image import dilate
from deepmir_bids.imaging.resampling import resample
from deepmir_bids.lesions.connected_lesions import find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.lesions.lesion_measures import distance_to_edge, edge_voxels
from deepmir_bids.reports.html_pieces import to_bytes

SHAPE = (120, 120, 60)
ZOOMS = (0.3, 0.3, 0.6)
AFFINE = np.diag([*ZOOMS, 1.0])
CRITERIA = DetectionCriteria(
    {'CMB': 0.9, 'iron': 0.8}, {'CMB': 0.6, 'iron': 0.6}, min_volume_mm3=0.0
)


@pytest.fixture(autouse=True)
def thin_slabs(monkeypatch):
    """Slabs that are to these volumes what real ones are to a large image."""
    monkeypatch.setattr(large_volumes, 'SLAB_VOXELS', 30_000)


@pytest.fixture(scope='module')
def brain():
    """An ellipsoid that fills a third of the volume."""
    places = (np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2) / SHAPE
    return (places**2).sum(-1).T < 0.43**2


@pytest.fixture(scope='module')
def image():
    return np.random.default_rng(0).random(SHAPE, dtype=np.float32) + 1


def find(image, brain):
    probability = np.where(image > 1.999, image - 1, 0.1)
    probabilities = np.stack([probability, probability[::-1]]).astype(np.float32)
    find_lesions(probabilities, CRITERIA, ZOOMS, brain_mask=brain, iron_mask=brain, near=0.5)


def fit(image, brain):
    qsm = np.where(brain, image - np.float32(1.5), 0)
    fit_qsm(nib.Nifti1Image(qsm, AFFINE), nib.Nifti1Image(image, AFFINE), brain)


#: What is done, and how many volumes it may take; volume by volume it takes half as many again, or
#: four times as many.
STEPS = {
    'widen a mask': (lambda _, brain: dilate(brain, AFFINE, 2.0), 3.5),
    'distance to the edge': (lambda _, brain: edge_voxels(brain), 1.5),
    'take out the shading': (lambda image, brain: normalise_t2w(image, brain, ZOOMS), 3),
    'find lesions': (find, 8),
    'resample': (
        lambda image, brain: resample(image, 0.9 * np.eye(3), (1, 1, 1), SHAPE, brain),
        3.5,
    ),
    'grey levels': (lambda image, _: to_bytes(image, (0.0, np.float64(1.5))), 1),
    'fit a QSM': (fit, 5),
}


@pytest.mark.parametrize('step', STEPS)
def test_a_step_takes_a_few_volumes_of_memory(step, image, brain):
    work, most = STEPS[step]
    tracemalloc.start()
    try:
        work(image, brain)
        peak = tracemalloc.get_traced_memory()[1] / image.nbytes
    finally:
        tracemalloc.stop()
    assert peak < most


@pytest.mark.parametrize('radius_mm', [1.5, 2.0])
def test_a_mask_is_widened_by_slabs_as_it_is_whole(brain, radius_mm):
    for mask in (brain, ~brain):
        whole = distance_transform_edt(~mask, sampling=ZOOMS) <= radius_mm
        np.testing.assert_array_equal(dilate(mask, AFFINE, radius_mm), whole)


def test_the_distance_of_a_voxel_is_that_of_the_distance_transform(brain):
    whole = distance_transform_edt(brain, sampling=ZOOMS)
    edge = edge_voxels(brain)
    for voxel in np.random.default_rng(0).integers(0, SHAPE, (50, 3)):
        assert distance_to_edge(voxel, brain, edge, AFFINE) == whole[tuple(voxel)]


def test_a_mask_has_its_extremes_in_its_box_and_at_the_ends_of_its_rows(brain):
    voxels = np.argwhere(brain)
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    assert box_of(brain) == tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
    assert box_of(brain, 100) == tuple(slice(0, n) for n in SHAPE)
    for way in np.random.default_rng(0).normal(size=(20, 3)):
        assert (row_ends(brain) @ way).max() == (voxels @ way).max()
    with pytest.raises(ValueError, match='empty'):
        box_of(np.zeros_like(brain))


def test_a_result_is_put_together_from_all_slabs(image):
    np.testing.assert_array_equal(
        slabwise(lambda a, b: a - b, image, image[::-1]), image - image[::-1]
    )
