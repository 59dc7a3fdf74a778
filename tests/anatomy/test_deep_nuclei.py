"""Nuclei drawn from the table: against an atlas, and on any grid."""

import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA, REGIONS
from deepmir_bids.anatomy.deep_nuclei import draw_nuclei, nuclei, nuclei_at

#: Labels of the left and right nucleus in CIT168 (Pauli et al. 2018), and the Dice required.
CIT168 = {
    'putamen': (([1], [2]), 0.85),
    'caudate': (([3], [4]), 0.80),
    'pallidum': (([9, 11], [10, 12]), 0.80),
    'substantia nigra': (([13, 17], [14, 18]), 0.80),
    'red nucleus': (([15], [16]), 0.80),
}


def _index(name):
    return next(nucleus.index for nucleus in nuclei() if nucleus.name == name)


def test_every_nucleus_has_a_side_an_index_and_a_region():
    names = [nucleus.name for nucleus in nuclei()]
    assert len(set(names)) == len(names)
    assert [nucleus.index for nucleus in nuclei()] == list(range(1, len(names) + 1))
    assert {nucleus.region for nucleus in nuclei()} <= set(REGIONS)
    for kind in (*BASAL_GANGLIA, 'thalamus', 'dentate', 'red nucleus', 'substantia nigra'):
        assert {f'left {kind}', f'right {kind}'} <= set(names)


def test_left_is_left_and_mirrored():
    points = np.array([[-26.0, 2.0, 0.0], [26.0, 2.0, 0.0], [0.0, 60.0, 60.0]])
    assert list(nuclei_at(points)) == [_index('left putamen'), _index('right putamen'), 0]


def test_volumes_do_not_depend_on_the_grid():
    fine = draw_nuclei((90, 90, 70), np.diag([1, 1, 1, 1.0]) + _origin(-45, -50, -30))
    turned = np.array([[0, 0, -1.5, 45], [-2.0, 0, 0, 40], [0, 1.0, 0, -30], [0, 0, 0, 1]])
    coarse = draw_nuclei((45, 70, 60), turned)
    for kind in BASAL_GANGLIA:
        label = _index(f'right {kind}')
        assert (coarse == label).sum() * 3 == pytest.approx((fine == label).sum(), rel=0.08)


def _origin(*mm):
    offset = np.zeros((4, 4))
    offset[:3, 3] = mm
    return offset


@pytest.mark.shared
@pytest.mark.parametrize('kind', list(CIT168))
def test_agrees_with_cit168(shared, kind):
    import nibabel as nib

    atlas = nib.load(
        shared / 'atlas_cit168/tpl-MNI152NLin2009cAsym_res-01_atlas-CIT168_desc-th25_dseg.nii.gz'
    )
    truth = np.asarray(atlas.dataobj)
    box = np.s_[45:150, 50:165, 45:115]  # all nuclei, at a fifth of the cost
    affine = atlas.affine @ (np.eye(4) + _origin(45, 50, 45))
    drawn = draw_nuclei(truth[box].shape, affine)
    labels, required = CIT168[kind]
    for side, values in zip(('left', 'right'), labels, strict=True):
        found, true = drawn == _index(f'{side} {kind}'), np.isin(truth, values)
        dice = 2 * (found & true[box]).sum() / (found.sum() + true.sum())
        assert dice >= required
