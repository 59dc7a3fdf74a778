"""Template and atlas of a run, and of a dry run."""

from __future__ import annotations

from pathlib import Path

from deepmir_bids.running.units_to_run import foresee_anatomy
from deepmir_bids.settings import Settings


def test_a_dry_run_draws_nothing(tmp_path):
    settings = Settings(Path('bids'), Path('out'), Path('work'), template='MNI152NLin2009aSym')
    anatomy = foresee_anatomy(settings, tmp_path)
    assert (anatomy.name, anatomy.atlas) == ('MNI152NLin2009aSym', 'builtin')
    assert 'builtin is used' in anatomy.note
    assert not list(tmp_path.iterdir())
