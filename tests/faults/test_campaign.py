"""A small sample of ``make faults``: each kind of fault, done to the real commands."""

from __future__ import annotations

import pytest
from faults.campaign import FAULTS, Figures, as_json, try_fault
from faults.page import write_page

SEED = 2
#: Hostile files have a sample of their own.
SAMPLED = [fault for fault in FAULTS if fault.name != 'fuzz']


@pytest.mark.slow
@pytest.mark.parametrize('fault', SAMPLED, ids=lambda fault: fault.name)
def test_nothing_is_lost(fault):
    figures = try_fault(fault, SEED, share=0.02)
    assert figures.broken == []
    assert figures.tried.total() >= 1


def test_the_page_has_the_figures_and_what_broke(tmp_path):
    figures = Figures('kill', 'a kill')
    figures.tried.update({'a kind': 1200})
    figures.broken.append({'trial': 7, 'rule': 'left a file'})
    write_page(as_json([figures], SEED, 1.0), tmp_path / 'page.md')
    page = (tmp_path / 'page.md').read_text()
    assert 'a kind: 1,200' in page
    assert '- kill, trial 7' in page
    assert 'no rule broken' not in page
