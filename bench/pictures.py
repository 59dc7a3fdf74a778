"""Make the pictures of the README: the page of a simulated participant, and that of a cohort.

``python bench/pictures.py OUT`` opens pages in Chromium (``playwright`` and a ``chromium`` on the
path are needed) and writes ``docs/images``: of OUT, finished outputs, the page of the participant
with most lesions, and a group page of tables that are made up.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from made_outputs import write_cohort
from playwright.sync_api import Page, sync_playwright

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli import deepmir

IMAGES = Path(__file__).parents[1] / 'docs' / 'images'
WIDTH, HEIGHT = 1200, 900
COHORT = 240


def main(out_dir: Path) -> int:
    """Photograph the page of the participant with most lesions, and that of a made-up cohort."""
    participants = read_tsv(out_dir / 'participants.tsv')
    counts = participants['n_cmb'].fillna(0) + participants['n_iron'].fillna(0)
    most = participants.loc[counts.idxmax()]
    session = '' if most['session_id'] != most['session_id'] else f'_{most["session_id"]}'
    page = out_dir / f'{most["participant_id"]}{session}.html'
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as cohort, sync_playwright() as playwright:
        write_cohort(Path(cohort), COHORT)
        deepmir.main(['none', cohort, 'group', '--by', 'sex'])
        browser = playwright.chromium.launch(
            executable_path=shutil.which('chromium'), args=['--no-sandbox']
        )
        tab = browser.new_page(viewport={'width': WIDTH, 'height': HEIGHT})
        photograph(tab, page, '#Lesions', IMAGES / 'participant.png')
        photograph(tab, Path(cohort) / 'group.html', 'main', IMAGES / 'group.png')
        browser.close()
    return 0


def photograph(tab: Page, page: Path, selector: str, picture: Path) -> None:
    """Take a picture of a page from an element on, as it is read."""
    tab.goto(page.absolute().as_uri())
    tab.evaluate('s => document.querySelector(s).scrollIntoView()', selector)
    tab.wait_for_timeout(1500)  # charts are drawn after the page
    tab.screenshot(path=picture)


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
