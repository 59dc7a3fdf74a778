"""The lesion table, against what is known of drawn lesions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.lesions.lesion_measures import columns, measure_lesions

AFFINE = np.array([[-0.5, 0, 0, 10], [0, 0.5, 0, -10], [0, 0, 1.0, 5], [0, 0, 0, 1]])
SHAPE = (40, 40, 20)


def draw(centre_voxel, radius_mm):
    where = np.stack(np.indices(SHAPE), axis=-1) - centre_voxel
    return np.linalg.norm(where * (0.5, 0.5, 1.0), axis=-1) <= radius_mm


@pytest.fixture
def table():
    """Two round lesions and a rod, in a brain whose left half is a nucleus."""
    labels = np.zeros(SHAPE, dtype=np.int32)
    labels[draw((20, 20, 10), 2)] = 1
    labels[draw((4, 8, 4), 1)] = 2
    labels[30:32, 4:34, 15] = 3
    brain = np.zeros(SHAPE, dtype=np.uint8)
    brain[2:-2, 2:-2, 1:-1] = 1
    structures = np.where(np.arange(SHAPE[0])[:, None, None] < 25, 7, 8) * brain
    swi = np.where(labels > 0, 25.0, 100.0)
    qsm = np.select([labels == 1, labels == 2], [0.2, -0.1], 0.0)
    return measure_lesions(
        labels,
        ['CMB', 'iron', 'CMB'],
        [0.9, 0.8, 0.7],
        affine=AFFINE,
        swi=swi,
        qsm=qsm,
        brain_mask=brain,
        structures=structures,
        names={7: ('left putamen', 'deep'), 8: ('right frontal lobe', 'lobar')},
        to_template=lambda points: points + np.array([1, 2, 3]),
    ).set_index('index')


def test_every_described_column_is_there(table):
    assert list(table.reset_index().columns) == list(columns())
    assert list(table['name']) == ['CMB-01', 'iron-01', 'CMB-02']


def test_place_is_in_world_mm(table):
    np.testing.assert_allclose(table.loc[1, ['x', 'y', 'z']].astype(float), [0, 0, 15])
    np.testing.assert_allclose(table.loc[1, ['x_mni', 'y_mni', 'z_mni']].astype(float), [1, 2, 18])
    assert table.loc[1, 'structure'] == 'left putamen'
    assert table.loc[3, 'region'] == 'lobar'


def test_size_and_form(table):
    assert table.loc[1, 'diameter_mm'] == pytest.approx(4, rel=0.06)
    assert table.loc[3, 'volume_mm3'] == pytest.approx(2 * 30 * 0.25)
    assert table.loc[1, 'elongation'] < 1.3
    assert table.loc[3, 'elongation'] > 10


def test_signal(table):
    assert table.loc[1, 'swi_contrast'] == pytest.approx(0.75)
    assert table.loc[1, 'chi_mean_ppm'] == pytest.approx(0.2)
    assert np.isnan(table.loc[3, 'chi_mean_ppm'])


def test_what_a_reader_should_look_at_is_flagged(table):
    assert pd.isna(table.loc[1, 'flags'])
    assert table.loc[2, 'flags'] == 'edge,diamagnetic'
    assert table.loc[3, 'flags'] == 'elongated'


def test_no_lesion_gives_a_table_without_rows():
    empty = np.zeros(SHAPE, dtype=np.int32)
    table = measure_lesions(
        empty,
        [],
        [],
        affine=AFFINE,
        swi=empty,
        qsm=None,
        brain_mask=empty,
        structures=empty,
        names={},
        to_template=lambda points: points,
    )
    assert list(table.columns) == list(columns())
    assert table.empty
