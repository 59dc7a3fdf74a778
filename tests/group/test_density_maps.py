"""Density maps hold every lesion, where it is."""

import json

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.group.cohort_tables import make_tables
from deepmir_bids.group.density_maps import SHAPE, grid_affine, lesion_density
from deepmir_bids.group.read_cohort import read_cohort
from deepmir_bids.group.write_group import write_group

VOXEL_ML = 0.008


def test_the_integral_is_the_number_of_lesions_per_participant():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 15, (200, 3))
    points[:20] = (-97, -133, -71)  # at the very corner, where smoothing reaches beyond
    density, within = lesion_density(points, 50)
    assert within == 200
    assert density.sum(dtype=float) * VOXEL_ML == pytest.approx(200 / 50, rel=1e-4)


def test_the_peak_is_where_the_lesion_is():
    point = np.array([[30.0, -20.0, 44.0]])
    density, _ = lesion_density(point, 1)
    peak = np.unravel_index(density.argmax(), SHAPE)
    assert nib.affines.apply_affine(grid_affine(), peak) == pytest.approx(point[0])
    # A Gaussian falls to half its peak at half its FWHM: 4 mm, two voxels.
    assert density[peak[0] + 2, peak[1], peak[2]] == pytest.approx(density.max() / 2, rel=0.03)


def test_points_that_are_nowhere_are_left_out():
    points = np.array([[0, 0, 0], [np.nan, 0, 0], [500, 0, 0]])
    density, within = lesion_density(points, 1)
    assert within == 1
    assert density.sum(dtype=float) * VOXEL_ML == pytest.approx(1, rel=1e-4)


def test_maps_count_each_participant_once(cohort_of_four, out):
    stale = out / 'group_space-Earlier_label-CMB_density.nii.gz'
    stale.touch()
    write_group(make_tables(read_cohort(out)), out)
    assert not stale.exists()
    # As reviewed, in first sessions: one CMB in sub-01, one in sub-02; two iron in sub-01.
    for name, lesions in (('CMB', 2), ('iron', 2)):
        stem = out / f'group_space-MNI152NLin2009aSym_label-{name}_density'
        about = json.loads(stem.with_suffix('.json').read_text())
        assert (about['Participants'], about['Lesions']) == (3, lesions)
        assert about['FWHM'] == 8
        image = nib.load(f'{stem}.nii.gz')
        assert [int(image.header[f'{form}_code']) for form in ('qform', 'sform')] == [4, 4]
        total = image.get_fdata().sum() * VOXEL_ML
        assert total == pytest.approx(lesions / 3, rel=1e-4)


def test_each_template_has_its_own_map(finished, out):
    finished('sub-01', ('CMB', 'lobar', 3.0))
    finished('sub-02', ('CMB', 'lobar', 3.0), anatomy={'Template': 'Other'})
    write_group(make_tables(read_cohort(out)), out)
    names = sorted(path.name for path in out.glob('*CMB_density.nii.gz'))
    assert [name.split('_')[1] for name in names] == ['space-MNI152NLin2009aSym', 'space-Other']
