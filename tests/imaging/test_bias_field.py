"""Shading, and how it is taken out of an image that ANTs does not see whole."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from deepmir_bids.imaging import bias_field
from deepmir_bids.imaging.bias_field import correct_bias


def test_a_large_image_is_corrected_as_a_small_one(monkeypatch):
    places = np.indices((48, 50, 40)).T / np.array([47, 49, 39]) - 0.5
    head = ((places**2).sum(-1) < 0.4**2).T
    shading = np.exp(places.sum(-1) / 2).T
    noise = np.random.default_rng(0).normal(1, 0.02, head.shape)
    image = nib.Nifti1Image(
        (100 * head * shading * noise).astype(np.float32), np.diag([2, 2, 2, 1])
    )
    whole = correct_bias(image).get_fdata()
    monkeypatch.setattr(bias_field, 'MOST_VOXELS', head.size // 4)
    seen = []
    n4 = bias_field._n4
    monkeypatch.setattr(
        bias_field,
        '_n4',
        lambda data, *rest, **named: seen.append(data.shape) or n4(data, *rest, **named),
    )
    parts = correct_bias(image)
    assert seen == [(24, 25, 20)]
    assert parts.get_data_dtype() == np.float32
    ratio = parts.get_fdata()[head] / whole[head]
    assert ratio.std() / ratio.mean() < 0.01
    # Of the shading itself, hardly anything is left.
    left = parts.get_fdata()[head] / noise[head]
    assert left.std() / left.mean() < 0.25 * shading[head].std() / shading[head].mean()
