"""Tables come back as they were written, whatever text they hold."""

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import as_tsv, read_rows, read_tsv, rows_as_tsv, write_tsv


def test_text_with_quotes_and_breaks_stays_in_its_cell(tmp_path):
    table = pd.DataFrame({'name': ['"a" b', 'c\td\ne', None], 'value': [1.23456, np.nan, 2]})
    path = write_tsv(table, tmp_path / 'a.tsv')
    assert path.read_text() == 'name\tvalue\n"a" b\t1.2346\nc d e\tn/a\nn/a\t2.0\n'
    back = read_tsv(path)
    assert back['name'].tolist()[:2] == ['"a" b', 'c d e']
    assert back['value'].tolist()[0] == pytest.approx(1.2346)
    assert [row['name'] for row in read_rows(path)] == ['"a" b', 'c d e', 'n/a']


def test_an_empty_table_has_its_header():
    assert as_tsv(pd.DataFrame(columns=['a', 'b'])) == 'a\tb\n'


def test_tables_of_other_programs_are_read_as_they_come(tmp_path):
    path = tmp_path / 'participants.tsv'
    path.write_bytes('\ufeffparticipant_id\tage\r\nsub-01\t61\r\nsub-02\r\n\r\n'.encode())
    assert read_rows(path) == [
        {'participant_id': 'sub-01', 'age': '61'},
        {'participant_id': 'sub-02', 'age': 'n/a'},
    ]


def test_rows_become_text():
    rows = [{'a': 'x\ty', 'b': None}, {'b': '2'}]
    assert rows_as_tsv(rows, ['a', 'b']) == 'a\tb\nx y\tn/a\nn/a\t2\n'
