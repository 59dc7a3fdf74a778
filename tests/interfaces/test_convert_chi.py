"""A QSM in ppm, and what its sidecar says of how it came to be so."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.interfaces.qsm import ConvertChi


@pytest.mark.parametrize(
    ('given', 'factor', 'reason'),
    [
        # A scale that is given for maps of other programs does not hold for one that is made here.
        ({'made': True, 'scale': 'negated-ppb'}, 1, 'made by deepmir, in ppm'),
        ({'scale': 'negated-ppb'}, -1e-3, '--qsm-scale negated-ppb'),
    ],
)
def test_the_sidecar_says_why_a_map_is_in_ppm(tmp_path, given, factor, reason):
    chi = np.random.default_rng(0).normal(0, 0.03, (4, 4, 4)).astype(np.float32)
    for name, array in (('chi', chi), ('mask', np.ones_like(chi))):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / f'{name}.nii')
    mask = str(tmp_path / 'mask.nii')
    outputs = (
        ConvertChi(
            in_file=str(tmp_path / 'chi.nii'),
            source_file='sub-01_part-phase_MEGRE.nii.gz',
            brain_mask=mask,
            iron_rich=mask,
            **given,
        )
        .run(cwd=str(tmp_path))
        .outputs
    )
    assert outputs.conversion == {
        'Units': 'ppm',
        'ConversionFactor': factor,
        'ConversionReason': reason,
    }
    assert nib.load(outputs.out_file).get_fdata() == pytest.approx(chi * factor)
