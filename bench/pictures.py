"""Make the pictures of the README from the finished outputs of a simulated cohort.

``python bench/pictures.py OUT`` opens the pages of both levels in Chromium (``playwright`` and a
``chromium`` on the path are needed) and writes ``docs/images``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from deepmir_bids.bids.tables import read_tsv

IMAGES = Path(__file__).parents[1] / 'docs' / 'images'
WIDTH, HEIGHT = 1200, 900


def main(out_dir: Path) -> int:
    """Photograph the page of the participant with most lesions, and the cohort's."""
    participants = read_tsv(out_dir / 'participants.tsv')
    counts = participants['n_cmb'].fillna(0) + participants['n_iron'].fillna(0)
    most = participants.loc[counts.idxmax()]
    session = '' if most['session_id'] != most['session_id'] else f'_{most["session_id"]}'
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which('chromium'), args=['--no-sandbox']
        )
        page = browser.new_page(viewport={'width': WIDTH, 'height': HEIGHT})
        page.goto((out_dir / f'{most["participant_id"]}{session}.html').absolute().as_uri())
        photograph(page, '#Lesions', IMAGES / 'participant.png')
        page.goto((out_dir / 'group.html').absolute().as_uri())
        photograph(page, 'main', IMAGES / 'group.png')
        browser.close()
    return 0


def photograph(page: Page, selector: str, picture: Path) -> None:
    """Take a picture of a page from an element on, as it is read."""
    page.locator(selector).first.scroll_into_view_if_needed()
    page.evaluate('s => document.querySelector(s).scrollIntoView()', selector)
    page.wait_for_timeout(1500)  # charts are drawn after the page
    page.screenshot(path=picture)


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
