"""Unit and sign of a susceptibility map."""

from __future__ import annotations

import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.qsm_units import chi_scale


@pytest.fixture
def brain():
    """A χ map in ppm, its brain mask and its iron-rich nuclei."""
    rng = np.random.default_rng(1)
    mask = np.zeros((24, 24, 24), dtype=bool)
    mask[3:-3, 3:-3, 3:-3] = True
    nuclei = np.zeros_like(mask)
    nuclei[8:14, 8:14, 8:14] = True
    chi = rng.normal(0, 0.04, mask.shape) + 0.08 * nuclei
    return np.where(mask, chi, 0), mask, nuclei


@pytest.mark.parametrize(('unit', 'factor'), [(1, 1), (1000, 1e-3), (-1, -1), (-1000, -1e-3)])
def test_unit_and_sign_are_recognised(brain, unit, factor):
    chi, mask, nuclei = brain
    assert chi_scale(chi * unit, mask, nuclei).factor == factor


def test_what_is_asked_for_is_not_questioned(brain):
    chi, mask, nuclei = brain
    assert chi_scale(np.zeros_like(chi), mask, nuclei, asked='negated-ppb').factor == -1e-3


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda c: np.abs(c) + 100, 'one sign only'),
        (lambda c: c * 30, 'neither in ppm nor in ppb'),
        (np.zeros_like, 'no values inside the brain'),
    ],
)
def test_what_is_no_qsm_is_an_error_with_its_cure(brain, change, says):
    chi, mask, nuclei = brain
    with pytest.raises(InputError, match=says) as error:
        chi_scale(change(chi), mask, nuclei, name='sub-01_Chimap.nii.gz')
    assert '--qsm-scale' in str(error.value)
    assert 'sub-01_Chimap.nii.gz' in str(error.value)


def test_nuclei_without_contrast_leave_the_sign_open(brain):
    chi, mask, nuclei = brain
    with pytest.raises(InputError, match='sign cannot be told'):
        chi_scale(chi - 0.08 * nuclei, mask, nuclei)
