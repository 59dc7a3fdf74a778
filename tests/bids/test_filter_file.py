"""The file that updates the queries."""

from __future__ import annotations

import json

import pytest

from deepmir_bids.bids.filter_file import load_queries
from deepmir_bids.errors import UsageError


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        ({'flair': {}}, 'unknown query flair'),
        ({'swi': {'acquisitoin': 'x'}}, 'unknown entity acquisitoin'),
        ({'qsm': {'suffix': None}}, 'qsm needs a suffix'),
        ('not json', 'cannot be read'),
        ([], 'holds no JSON object'),
        (None, 'holds no JSON object'),
        ({'swi': None}, 'the query swi is null'),
        ({'swi': ['x']}, r'the query swi is \["x"\]'),
        ('3', 'holds no JSON object'),
        ('[' * 100_000, 'cannot be read as JSON'),
        ({'swi': {'suffix': []}}, 'swi needs a suffix'),
        ({'t2w': {'extension': None}}, 't2w needs an extension'),
        ({'swi': {'run': [1] * 2000}}, '2,000 values of run'),
        ({'swi': {'run': ['', True]}}, r'run\[1\] is true'),
        ({'swi': {'run': 10**30}}, r'run\[0\] is 10'),
        ({'swi': {'acquisition': '\ud800'}}, 'cannot be read as JSON'),
        ({'swi': {'session': {'a': 1}}}, r'session\[0\] is \{"a": 1\}, where text'),
    ],
)
def test_a_wrong_filter_file_is_an_error(tmp_path, content, says):
    path = tmp_path / 'filter.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UsageError, match=says):
        load_queries(path)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / 'filter.json'
    path.write_text('{"t2w": {"acquisition": "b"}}', encoding='utf-8-sig')
    assert load_queries(path)['t2w']['acquisition'] == 'b'
