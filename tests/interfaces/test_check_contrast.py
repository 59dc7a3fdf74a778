"""What becomes of an image that has another contrast than an SWI."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.errors import InputError
from deepmir_bids.interfaces.anatomy import CheckContrast


@pytest.fixture
def check(tmp_path):
    """Return a function that checks an image whose ventricles and vein have this signal."""
    structures = (
        Structure(1, 'ventricle', 'deep', 'lateral ventricle'),
        Structure(2, 'white matter', 'deep', 'deep white matter'),
    )
    anatomy = Anatomy('MNI', 'atlas', (), tmp_path, tmp_path, tmp_path, structures)
    labels = np.repeat([1, 2], 20)[:, None, None] * np.ones((1, 40, 40), np.int16)
    labels = np.pad(labels, 2).astype(np.int16)
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / 'labels.nii')

    def run(ventricles: float, vein: float = 1.0, *, stands_in: bool = False):
        signal = np.where(labels == 1, ventricles, 1).astype(np.float32)
        signal[30:32, 15:25, 15:25] = vein
        nib.save(nib.Nifti1Image(signal, np.eye(4)), tmp_path / 'swi.nii')
        interface = CheckContrast(
            in_file=str(tmp_path / 'swi.nii'),
            source_file='sub-01_T2starw.nii.gz',
            structures=str(tmp_path / 'labels.nii'),
            stands_in=stands_in,
            anatomy=anatomy,
        )
        return interface.run(cwd=str(tmp_path)).outputs

    return run


def test_an_swi_passes(check):
    outputs = check(1.2)
    assert outputs.out_file.endswith('swi.nii')
    assert not isinstance(outputs.notes, list)


@pytest.mark.parametrize(('ventricles', 'stands_in'), [(0.5, False), (0.5, True), (1.86, False)])
def test_another_contrast_is_refused(check, ventricles, stands_in):
    with pytest.raises(InputError, match=r'sub-01_T2starw.nii.gz is no SWI: .* choose another'):
        check(ventricles, stands_in=stands_in)


@pytest.mark.parametrize(
    ('ventricles', 'vein', 'stands_in'), [(2.2, 1, True), (1.86, 1, True), (2.1, 0.1, False)]
)
def test_a_bright_magnitude_is_flagged_if_it_stands_in_or_has_black_veins(
    check, ventricles, vein, stands_in
):
    outputs = check(ventricles, vein, stands_in=stands_in)
    assert outputs.out_file.endswith('swi.nii')
    assert outputs.flags == ['swi_contrast']
    assert 'only if it is a gradient echo' in outputs.notes[0]
