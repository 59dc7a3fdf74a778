"""A review belongs to its lesions, and says which of them are left."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import rows_as_tsv
from deepmir_bids.data import load
from deepmir_bids.errors import InputError
from deepmir_bids.lesions.reader_review import (
    COLUMNS,
    Progress,
    apply_review,
    progress,
    read_review,
    reviewed_classes,
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
def write(tmp_path):
    """Return a function that writes a review from (verdict, reviewed class) of each row."""

    def make(verdicts, columns=COLUMNS, tables=(LESIONS, CANDIDATES), **change):
        rows = [
            {**{k: str(v) for k, v in lesion.items()}, 'verdict': verdict, 'reviewed_class': kind}
            for lesion, (verdict, kind) in zip(
                pd.concat(tables).to_dict('records'), verdicts, strict=True
            )
        ]
        for column, (number, value) in change.items():
            rows[number][column] = value
        path = tmp_path / 'sub-01_desc-review_dseg.tsv'
        path.write_text(rows_as_tsv(rows, columns))
        return path

    return make


SEEN = [
    ('rejected', None),
    ('accepted', 'CMB'),
    (None, None),
    ('relabelled', 'iron'),
    ('relabelled', 'vein'),
]


def test_lesions_as_reviewed(write):
    path = write(SEEN, comment=(0, 'a "vein"?'))
    review = read_review(path, LESIONS, CANDIDATES)
    assert list(review.columns) == list(COLUMNS)
    assert review['index'].tolist() == [1, 2, 3, 4, 5]
    assert review['comment'][0] == 'a "vein"?'
    assert review['verdict'].isna().tolist() == [False, False, True, False, False]
    reviewed = apply_review(LESIONS, CANDIDATES, review)
    assert reviewed['index'].tolist() == [2, 3, 4]
    assert reviewed['class'].tolist() == ['CMB', 'iron', 'iron']
    assert reviewed['found_class'].tolist() == ['CMB', 'iron', 'CMB']
    assert LESIONS['class'].tolist() == ['CMB', 'CMB', 'iron']


def test_a_lesion_called_a_vein_is_gone_and_one_may_change_its_class(write):
    seen = [('relabelled', 'iron'), ('relabelled', 'calcification'), ('accepted', 'iron')]
    path = write(seen, tables=(LESIONS, NONE))
    reviewed = apply_review(LESIONS, NONE, read_review(path, LESIONS, NONE))
    assert reviewed['index'].tolist() == [1, 3]
    assert reviewed['class'].tolist() == ['iron', 'iron']


def test_candidates_count_only_if_somebody_says_so(write):
    path = write([(None, None)] * 5)
    review = read_review(path, LESIONS, CANDIDATES)
    assert apply_review(LESIONS, CANDIDATES, review)['index'].tolist() == [1, 2, 3]
    assert progress(LESIONS, review) == (0, 3)


def test_progress_is_about_lesions(write):
    review = read_review(write(SEEN), LESIONS, CANDIDATES)
    assert progress(LESIONS, review) == Progress(2, 3)
    assert progress(LESIONS, review).status == 'partial'
    assert progress(LESIONS, None).status == 'none'
    assert progress(LESIONS[:2], review).status == 'complete'
    assert progress(NONE, None).status == 'complete'


def test_a_unit_without_anything_has_an_empty_review(tmp_path):
    path = tmp_path / 'review.tsv'
    path.write_text('\t'.join(COLUMNS) + '\n')
    review = read_review(path, NONE, NONE)
    reviewed = apply_review(NONE, NONE, review)
    assert len(reviewed) == 0
    assert 'found_class' in reviewed
    assert not reviewed_classes(np.zeros((2, 2, 2), dtype=int), reviewed).any()


def test_the_class_map_holds_what_is_left(write):
    labels = np.array([0, 1, 2, 3, 4, 5, 4]).reshape(7, 1, 1)
    reviewed = apply_review(LESIONS, CANDIDATES, read_review(write(SEEN), LESIONS, CANDIDATES))
    classes = reviewed_classes(labels, reviewed)
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
def test_a_review_that_does_not_fit_is_refused(write, change, says):
    path = write(SEEN, **change)
    with pytest.raises(InputError, match=says) as error:
        read_review(path, LESIONS, CANDIDATES)
    assert str(path) in str(error.value)


def test_a_place_within_rounding_is_the_same(write):
    assert len(read_review(write(SEEN, x=(1, '-20.55')), LESIONS, CANDIDATES)) == 5


def test_a_review_of_another_run_is_refused(write):
    path = write(SEEN)
    with pytest.raises(InputError, match='5 rows, where this run has 3'):
        read_review(path, LESIONS, NONE)


def test_a_missing_column_is_named(write):
    path = write(SEEN, columns=[name for name in COLUMNS if name not in ('verdict', 'z')])
    with pytest.raises(InputError, match='no column verdict, z'):
        read_review(path, LESIONS, CANDIDATES)


def test_every_column_is_described():
    assert list(json.loads(load('review_columns.json').read_text())) == list(COLUMNS)
