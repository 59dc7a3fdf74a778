"""Counts at a glance, and text from data that stays text."""

from __future__ import annotations

import pandas as pd
import pytest

from deepmir_bids.lesions.measures import columns
from deepmir_bids.reports.gallery import Images, plot_gallery
from deepmir_bids.reports.summary import gallery_html, summary_html


@pytest.fixture
def table():
    rows = [('CMB', 'lobar'), ('CMB', 'lobar'), ('CMB', 'deep'), ('iron', 'deep')]
    table = pd.DataFrame(rows, columns=['class', 'region']).reindex(columns=list(columns()))
    table['index'] = range(1, 5)
    table['name'] = [f'lesion-{n}' for n in range(1, 5)]
    table['probability'] = [0.9, 0.8, 0.7, 0.6]
    table[['x', 'y', 'z']] = 5.0
    table['diameter_mm'] = 3.0
    table['structure'] = '<script>'
    return table


def test_lesions_are_counted_by_class_and_region(table):
    page = summary_html(table, {}, [], 1234.4)
    assert '<th>CMB</th><td>2</td><td>1</td><td>0</td><td><b>3</b></td>' in page
    assert '<th>iron</th><td>0</td><td>1</td><td>0</td><td><b>1</b></td>' in page
    assert '1234 mL' in page
    assert 'Research use only' in page


def test_no_lesion_is_said():
    empty = pd.DataFrame(columns=list(columns()))
    assert '<th>CMB</th><td>0</td><td>0</td><td>0</td><td><b>0</b></td>' in summary_html(
        empty, {}, [], 1
    )
    assert 'No lesion' in gallery_html(empty, None)


def test_text_from_data_is_escaped(table, tmp_path):
    picture = tmp_path / 'x.png'
    picture.write_bytes(b'png')
    page = summary_html(table, {'SWI': '<script>'}, ['<script>'], 1) + gallery_html(table, picture)
    assert '<script>' not in page
    assert '&lt;script&gt;' in page


def test_gallery_has_a_row_for_each_lesion(table, tmp_path):
    import matplotlib.image
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (12, 14, 10)
    lesions = np.zeros(shape, dtype=np.float32)
    lesions[4:6, 4:6, 5] = 1
    swi = rng.normal(100, 5, shape)
    images = Images(swi, None, rng.normal(50, 5, shape), lesions, np.eye(4))
    one = matplotlib.image.imread(plot_gallery(images, table.head(1), tmp_path / '1.png'))
    four = matplotlib.image.imread(plot_gallery(images, table, tmp_path / '4.png'))
    assert four.shape[0] == pytest.approx(4 * one.shape[0], abs=4)
    outlined = (one[..., 0] > 0.9) & (one[..., 1] < 0.4)
    assert outlined.any()
