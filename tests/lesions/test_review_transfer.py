"""Verdicts go to the same lesions, wherever they stand in the tables of another run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import rows_as_tsv, write_tsv
from deepmir_bids.lesions.connected_lesions import MOST_CANDIDATES, find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.lesions.reader_review import COLUMNS, SAVED, reviewed_rows
from deepmir_bids.lesions.review_transfer import judged_places, transfer_review


def lesion(index, name, x):
    return {'index': index, 'name': name, 'class': name[:3], 'x': x, 'y': 0.0, 'z': 0.0}


@pytest.fixture
def review(tmp_path):
    """A review by an earlier version, without a reader: one rejected, one accepted, one open."""
    said = [('rejected', None), ('accepted', 'CMB'), (None, None)]
    rows = [
        {**lesion(i, f'CMB-0{i}', 10.0 * i), 'verdict': verdict, 'reviewed_class': kind}
        for i, (verdict, kind) in enumerate(said, start=1)
    ]
    path = tmp_path / 'sub-01_desc-review_dseg.tsv'
    path.write_text(rows_as_tsv([{k: str(v) if v is not None else v for k, v in row.items()}
                                 for row in rows], COLUMNS))  # fmt: skip
    return path


def test_verdicts_follow_their_lesions(review, tmp_path):
    # The second is the first now; a new one lies where none was; the first is a candidate.
    lesions = pd.DataFrame([lesion(1, 'CMB-01', 20.4), lesion(2, 'CMB-02', 90.0)])
    candidates = pd.DataFrame([lesion(3, 'CMB-03', 10.0)])
    files = {
        'lesion_table': write_tsv(lesions, tmp_path / 'l'),
        'candidate_table': write_tsv(candidates, tmp_path / 'c'),
    }
    text = transfer_review(review, files.values())
    assert text.splitlines()[0].split('\t') == list(SAVED)
    review.write_text(text)
    said = reviewed_rows({**files, 'review': review})
    assert [row['verdict'] for row in said] == ['accepted', None, 'rejected']
    assert [row['final_class'] for row in said] == ['CMB', 'CMB', None]


@pytest.mark.parametrize(
    'faintest', [0.5, 0.2, 0.004], ids=['listed', 'below the outline', 'faint']
)
def test_what_was_judged_stays_a_candidate(review, faintest):
    affine = np.diag([2.0, 2, 2, 1])
    places = judged_places(review, affine)
    assert places['CMB'].tolist() == [[5, 0, 0], [10, 0, 0]]
    p = np.zeros((2, 60, 5, 5))
    p[0, ::2, 2, 2] = np.linspace(0.8, 0.5, 30)
    p[0, 56:60:2, 2, 2] = faintest
    places = {'CMB': np.array([[58.0, 2, 2]])}
    everywhere = np.ones(p.shape[1:], dtype=bool)
    found = find_lesions(
        p,
        DetectionCriteria({'CMB': 0.9, 'iron': 0.9}, {'CMB': 0.3, 'iron': 0.3}, 0.0),
        (2, 2, 2),
        brain_mask=everywhere,
        iron_mask=everywhere,
        near=0.5,
        judged=places,
    )
    assert len(found.candidates) == MOST_CANDIDATES + 1
    assert found.candidates[-1].index == MOST_CANDIDATES + 1
    assert found.candidate_labels[58, 2, 2] == MOST_CANDIDATES + 1
