"""A small sample of the campaign of ``bench/fuzz.py``: the same files every time."""

from __future__ import annotations

import pytest
from fuzz import campaign
from hostile.readers import READERS

#: Examples of a reader whose share is 1; the whole sample takes some 15 s.
EXAMPLES = 4


@pytest.mark.parametrize('reader', READERS, ids=lambda reader: reader.name)
def test_a_hostile_file_is_refused_in_a_sentence(reader, tmp_path):
    executions = max(2, round(EXAMPLES * reader.share))
    done, broken = campaign(reader, executions, tmp_path / 'case', mutants=1)
    assert broken == ''
    assert done >= executions
