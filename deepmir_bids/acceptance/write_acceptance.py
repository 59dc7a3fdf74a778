"""What an acceptance test leaves in a folder: tables, described, and a page."""

from __future__ import annotations

import json
from pathlib import Path

from deepmir_bids.acceptance.run_acceptance import Acceptance
from deepmir_bids.acceptance.site_traits import TRAITS
from deepmir_bids.bids.tsv import as_tsv
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.data import load as load_data
from deepmir_bids.reports.acceptance_page import acceptance_page

PAGE = 'acceptance.html'


def write_acceptance(test: Acceptance, out: Path) -> Path:
    """Write ``acceptance_<table>.tsv``, each with a ``.json``, and the page; return its path."""
    described = json.loads(load_data('acceptance_columns.json').read_text(encoding='utf-8'))
    for name, table in test.tables.items():
        path = out / f'acceptance_{name}.tsv'
        write_whole(path, as_tsv(table))
        columns = {key: described[key] for key in table.columns}
        text = json.dumps(columns, indent=2, ensure_ascii=False)
        write_whole(path.with_suffix('.json'), f'{text}\n')
    write_whole(out / PAGE, acceptance_page(test, out, TRAITS))
    return out / PAGE
