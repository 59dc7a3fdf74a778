"""Counts at a glance, and text from data that stays text."""

from __future__ import annotations

import pandas as pd
import pytest

from deepmir_bids.lesions.lesion_table import REVIEWED, columns
from deepmir_bids.reports.unit_summary import nuclei_html, review_sentence, summary_html


@pytest.fixture
def table():
    rows = [('CMB', 'lobar'), ('CMB', 'lobar'), ('CMB', 'deep'), ('iron', 'deep')]
    table = pd.DataFrame(rows, columns=['class', 'region']).reindex(
        columns=[*columns(), *REVIEWED]
    )
    table['index'] = range(1, 5)
    table['name'] = [f'lesion-{n}' for n in range(1, 5)]
    table['found_as'] = 'lesion'
    table['structure'] = ['insula', 'insula', 'left thalamus', '<script>']
    return table


def cells(page, name):
    row = page.split(f'<th scope="row">{name}</th>')[1].split('</tr>')[0]
    return [cell.split('>', 1)[1].split('</td>')[0] for cell in row.split('<td')[1:]]


def test_lesions_are_counted_by_class_and_region_and_named(table):
    page = summary_html(table, {'Inputs': 'swi'}, 'balanced')
    assert cells(page, 'CMB') == [
        '2',
        '1',
        '0',
        '<strong>3</strong>',
        'insula (2), left thalamus',
    ]
    assert cells(page, 'iron')[:3] == ['0', '1', '0']
    assert '<dt>Inputs</dt><dd>swi</dd>' in page
    assert 'Research use only' in page


def test_no_lesion_is_said():
    empty = pd.DataFrame(columns=[*columns(), *REVIEWED])
    page = summary_html(empty, {}, 'balanced')
    assert cells(page, 'CMB') == ['0', '0', '0', '<strong>0</strong>', '–']


def test_text_from_data_is_escaped(table):
    page = summary_html(table, {'<script>': '<script>'}, 'balanced', '<script>')
    assert '<script>' not in page
    assert '&lt;script&gt;' in page


def test_nuclei_stand_side_by_side():
    rows = [
        (1, 'left putamen', 5000.0, 0.0512, 0.02),
        (2, 'right putamen', 4800.0, 0.0734, 0.03),
        (3, 'left thalamus', 7000.0, float('nan'), float('nan')),
        (4, 'left frontal lobe', 9.0, 0.0, 0.0),
    ]
    names = ['index', 'name', 'volume_mm3', 'chi_mean_ppm', 'chi_sd_ppm']
    page = nuclei_html(pd.DataFrame(rows, columns=names), '<atlas>')
    assert cells(page, 'putamen') == ['0.051 ± 0.020', '5000', '0.073 ± 0.030', '4800']
    assert cells(page, 'thalamus') == ['–', '7000', '–', '–']
    assert 'frontal' not in page
    assert '&lt;atlas&gt;' in page


def test_a_review_in_a_sentence(table):
    table['verdict'] = ['accepted', 'rejected', 'relabelled', None]
    table['final_class'] = ['CMB', None, 'iron', 'iron']
    said = review_sentence(table)
    assert said.startswith('3 of 4 lesions were judged (')
    assert said.endswith('that leaves 1 CMB, 2 iron.')
