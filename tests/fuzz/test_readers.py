"""A small sample of the campaign of ``bench/fuzz.py``: the same files every time."""

from __future__ import annotations

import pytest
from hostile_files import READERS, run
from hypothesis import HealthCheck, Phase, given, settings

#: Examples of a reader whose share is 1; the whole sample takes some 15 s.
EXAMPLES = 4


@pytest.mark.parametrize('reader', READERS, ids=lambda reader: reader.name)
def test_a_hostile_file_is_refused_in_a_sentence(reader, tmp_path):
    @settings(
        max_examples=max(2, round(EXAMPLES * reader.share)),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(reader.made)
    def once(made):
        run(reader, made, tmp_path / 'case')

    once()
