"""Shading, and how it is taken out."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.imaging.bias_field import correct_bias


@pytest.mark.parametrize('zooms', [(2, 2, 2), (1, 1, 5), (1, 2, 1)])
def test_shading_is_taken_out_of_any_voxels(zooms):
    shape = tuple(int(96 / zoom) for zoom in zooms)
    places = np.indices(shape).T / (np.array(shape) - 1) - 0.5
    head = ((places**2).sum(-1) < 0.4**2).T
    shading = np.exp(places.sum(-1) / 2).T
    noise = np.random.default_rng(0).normal(1, 0.02, head.shape)
    image = nib.Nifti1Image(
        (100 * head * shading * noise).astype(np.float32), np.diag([*zooms, 1])
    )
    corrected = correct_bias(image)
    assert corrected.get_data_dtype() == np.float32
    left = corrected.get_fdata()[head] / noise[head]
    assert left.std() / left.mean() < 0.25 * shading[head].std() / shading[head].mean()


def test_a_slab_of_few_slices_can_be_corrected():
    slab = np.random.default_rng(0).uniform(50, 100, (60, 60, 3)).astype(np.float32)
    assert np.isfinite(correct_bias(nib.Nifti1Image(slab, np.eye(4))).get_fdata()).all()
