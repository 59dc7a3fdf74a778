"""A review belongs to its lesions, and says which of them are left."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import rows_as_tsv, write_tsv
from deepmir_bids.data import load
from deepmir_bids.errors import InputError
from deepmir_bids.lesions.reader_review import (
    COLUMNS,
    SAVED,
    ReviewProgress,
    draw_final_classes,
    read_reviewed_lesions,
    review_progress,
)

LESIONS = pd.DataFrame(
    {
        'index': [1, 2, 3],
        'name': ['CMB-01', 'CMB-02', 'iron-01'],
        'class': ['CMB', 'CMB', 'iron'],
        'x': [1.0, -20.5, 30.0],
        'y': [2.0, 0.0, 1.0],
        'z': [3.0, 5.0, -7.25],
    }
)
CANDIDATES = pd.DataFrame(
    {
        'index': [4, 5],
        'name': ['CMB-03', 'iron-02'],
        'class': ['CMB', 'iron'],
        'x': [9.0, 8.0],
        'y': [9.0, 8.0],
        'z': [9.0, 8.0],
    }
)
NONE = LESIONS.iloc[:0]


@pytest.fixture
def files(tmp_path):
    """Return a function that writes tables of a unit, and a review by its (verdict, class)."""

    def make(verdicts=None, columns=COLUMNS, candidates=CANDIDATES, lesions=LESIONS, **change):
        tables = {'lesion_table': lesions, 'candidate_table': candidates}
        paths = {name: write_tsv(table, tmp_path / name) for name, table in tables.items()}
        if verdicts is None:
            return paths
        both = [*lesions.to_dict('records'), *candidates.to_dict('records')]
        rows = [
            {**{k: str(v) for k, v in lesion.items()}, 'verdict': verdict, 'reviewed_class': kind}
            for lesion, (verdict, kind) in zip(both, verdicts, strict=True)
        ]
        for column, (number, value) in change.items():
            rows[number][column] = value
        paths['review'] = tmp_path / 'sub-01_desc-review_dseg.tsv'
        paths['review'].write_text(rows_as_tsv(rows, columns))
        return paths

    return make


SEEN = [
    ('rejected', None),
    ('accepted', 'CMB'),
    (None, None),
    ('relabelled', 'iron'),
    ('relabelled', 'vein'),
]


def test_lesions_and_candidates_are_one_table_with_what_they_count_as(files):
    table = read_reviewed_lesions(files(SEEN, comment=(0, 'a "vein"?')))
    assert table['index'].tolist() == [1, 2, 3, 4, 5]
    assert table['found_as'].tolist() == ['lesion'] * 3 + ['candidate'] * 2
    assert table['class'].tolist() == ['CMB', 'CMB', 'iron', 'CMB', 'iron']
    assert table['verdict'].tolist() == ['rejected', 'accepted', None, 'relabelled', 'relabelled']
    assert table['final_class'].tolist() == [None, 'CMB', 'iron', 'iron', None]
    assert table['comment'][0] == 'a "vein"?'
    assert table['x'].tolist() == [1.0, -20.5, 30.0, 9.0, 8.0]


def test_without_a_review_lesions_count_as_found_and_candidates_not_at_all(files):
    table = read_reviewed_lesions(files())
    assert table['final_class'].tolist() == ['CMB', 'CMB', 'iron', None, None]
    assert table['verdict'].isna().all()
    assert review_progress(table) == (0, 3)


def test_a_lesion_called_a_vein_is_gone_and_one_may_change_its_class(files):
    seen = [('relabelled', 'iron'), ('relabelled', 'calcification'), ('accepted', 'iron')]
    table = read_reviewed_lesions(files(seen, candidates=NONE))
    assert table['final_class'].tolist() == ['iron', None, 'iron']


def test_candidates_count_only_if_somebody_says_so(files):
    table = read_reviewed_lesions(files([(None, None)] * 5))
    assert table['final_class'].notna().tolist() == [True, True, True, False, False]
    assert review_progress(table) == (0, 3)


def test_progress_is_about_lesions(files):
    table = read_reviewed_lesions(files(SEEN))
    assert review_progress(table) == ReviewProgress(2, 3)
    assert review_progress(table).status == 'partial'
    assert review_progress(table[:2]).status == 'complete'
    assert review_progress(table[2:]).status == 'none'
    assert review_progress(table[3:]).status == 'complete'


def test_a_unit_without_anything_has_an_empty_review(files):
    table = read_reviewed_lesions(files([], lesions=NONE, candidates=NONE))
    assert len(table) == 0
    assert 'final_class' in table
    assert not draw_final_classes(np.zeros((2, 2, 2), dtype=int), table).any()


def test_the_class_map_holds_what_is_left(files):
    labels = np.array([0, 1, 2, 3, 4, 5, 4]).reshape(7, 1, 1)
    classes = draw_final_classes(labels, read_reviewed_lesions(files(SEEN)))
    assert classes.dtype == np.uint8
    assert classes.ravel().tolist() == [0, 0, 1, 2, 2, 0, 2]


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'index': (1, '7')}, 'another lesion'),
        ({'index': (1, 'two')}, 'another lesion'),
        ({'class': (1, 'iron')}, 'another lesion'),
        ({'x': (1, '-20.7')}, 'another lesion'),
        ({'z': (1, 'n/a')}, 'another lesion'),
        ({'verdict': (1, 'maybe')}, 'verdict "maybe"'),
        ({'reviewed_class': (1, 'tumour')}, '"tumour": it must be CMB'),
        ({'reviewed_class': (4, 'tumour')}, 'it must be CMB or iron or vein'),
        ({'reviewed_class': (4, None)}, '"n/a": it must be CMB or iron'),
        ({'reviewed_class': (0, 'CMB')}, 'is rejected with'),
        ({'reviewed_class': (2, 'CMB')}, 'is not looked at with'),
    ],
)
def test_a_review_that_does_not_fit_is_refused(files, change, says):
    paths = files(SEEN, **change)
    with pytest.raises(InputError, match=says) as error:
        read_reviewed_lesions(paths)
    assert str(paths['review']) in str(error.value)


def test_a_place_within_rounding_is_the_same(files):
    assert len(read_reviewed_lesions(files(SEEN, x=(1, '-20.55')))) == 5


def test_a_review_of_another_run_is_refused(files, tmp_path):
    paths = files(SEEN)
    write_tsv(NONE, paths['candidate_table'])
    with pytest.raises(InputError, match='5 rows, where this run has 3'):
        read_reviewed_lesions(paths)


def test_a_missing_column_is_named(files):
    paths = files(SEEN, columns=[name for name in COLUMNS if name not in ('verdict', 'z')])
    with pytest.raises(InputError, match='no column verdict, z'):
        read_reviewed_lesions(paths)


def test_every_column_is_described():
    assert list(json.loads(load('review_columns.json').read_text())) == list(SAVED)
