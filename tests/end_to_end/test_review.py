"""A reader's review in a real browser, and what becomes of it."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepmir_bids import CLASSES
from deepmir_bids.bids.finished_results import find_files
from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli.deepmir import main

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTHS = (375, 1600)


@pytest.fixture(scope='module')
def reviewed(one_run, tmp_path_factory) -> Path:
    """A copy of a finished run, which a reader may change."""
    copy = tmp_path_factory.mktemp('review')
    shutil.copytree(one_run.out_dir, copy / 'out')
    shutil.copytree(one_run.work_dir, copy / 'work')
    return copy


def tables(out_dir):
    files = find_files(out_dir, 'sub-01')
    return [read_tsv(files[name]) for name in ('lesion_table', 'candidate_table')]


def test_the_page_stays_on_this_machine_and_is_accessible(reviewed, open_page, check_access):
    for width in WIDTHS:
        for scheme in ('light', 'dark'):
            with open_page(reviewed / 'out' / 'sub-01.html', width, scheme) as page:
                check_access(page)
                assert page.evaluate('document.documentElement.scrollWidth') <= width


def test_the_viewer_goes_to_a_lesion(reviewed, open_page):
    with open_page(reviewed / 'out' / 'sub-01.html') as page:
        page.locator('.lesion .show').first.click()
        page.wait_for_function('window.niivue !== undefined', timeout=60_000)
        page.wait_for_selector('#viewer-open', state='hidden', timeout=60_000)
        assert page.locator('#viewer-says').text_content() == ''
        page.wait_for_timeout(500)
        drawn = page.locator('#viewer-canvas').screenshot()
    # Something is drawn: an empty canvas has one colour, and a line in another.
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(drawn))))) > 50


def test_without_webgl_the_gallery_does_everything(reviewed, open_page):
    with open_page(reviewed / 'out' / 'sub-01.html', webgl=False) as page:
        page.locator('#viewer-open').click()
        page.wait_for_function(
            "document.getElementById('viewer-says').textContent.includes('no WebGL2')"
        )
        page.locator('article.lesion').first.focus()
        page.keyboard.press('a')
        assert page.locator('article.lesion .state').first.text_content() == 'accepted'


def test_a_review_by_keyboard_counts_afterwards(reviewed, one_subject, open_page, deepmir):
    lesions, candidates = tables(reviewed / 'out')
    assert len(lesions) + len(candidates) >= 3
    with open_page(reviewed / 'out' / 'sub-01.html') as page:
        page.locator('#reader').fill('AB')
        page.locator('h1').first.click()
        order = page.eval_on_selector_all('article.lesion', 'all => all.map(a => a.dataset.index)')
        for keys in (['j', 'a'], ['j', 'r'], ['j', '3', 'c']):
            for key in keys:
                page.keyboard.press(key)
        page.keyboard.type('a <script>alert(1)</script> vein')
        page.keyboard.press('Escape')
        page.reload()
        assert page.locator('article.judged').count() == 3
        page.locator('article.lesion').first.focus()
        with page.expect_download() as download:
            page.keyboard.press('s')
        assert download.value.suggested_filename == 'sub-01_desc-review_dseg.tsv'
        anat = reviewed / 'out' / 'sub-01' / 'anat'
        download.value.save_as(anat / download.value.suggested_filename)

    review = read_tsv(anat / 'sub-01_desc-review_dseg.tsv').set_index('index')
    assert list(review.index) == [*lesions['index'], *candidates['index']]
    said = review.loc[[int(index) for index in order[:3]]]
    assert list(said['verdict']) == ['accepted', 'rejected', 'relabelled']
    assert said['reviewed_class'].iloc[2] == 'vein'
    assert said['comment'].iloc[2] == 'a <script>alert(1)</script> vein'
    assert review['verdict'].notna().sum() == 3
    assert said['reader'].tolist() == ['AB'] * 3
    assert review['reader'].notna().sum() == 3

    done = deepmir(one_subject, reviewed, '--reports-only')
    assert done.status == 0, done.said
    with open_page(reviewed / 'out' / 'sub-01.html') as page:
        assert 'lesions were judged' in page.locator('#Found').text_content()
        assert page.locator('article.judged').count() == 3
        page.wait_for_timeout(200)
        assert page.locator('article.lesion .comment input').nth(2).input_value().endswith('vein')

    assert main([str(one_subject), str(reviewed / 'out'), 'group']) == 0
    (row,) = read_tsv(reviewed / 'out' / 'participants.tsv').to_dict('records')
    found = lesions['class'].value_counts()
    count = {'CMB': row['n_cmb'], 'iron': row['n_iron']}
    assert count == {name: found.get(name, 0) for name in CLASSES}
    gone = {int(index) for index in order[1:3]} & set(lesions['index'])
    kept = lesions[~lesions['index'].isin(gone)]['class'].value_counts()
    assert int(order[0]) in set(lesions['index'])
    count = {'CMB': row['reviewed_n_cmb'], 'iron': row['reviewed_n_iron']}
    assert count == {name: kept.get(name, 0) for name in CLASSES}
    with open_page(reviewed / 'out' / 'group.html') as page:
        assert 'as reviewed' in page.locator('main').text_content()
