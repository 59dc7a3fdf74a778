"""Each lesion as a reader sees it, and what the page's script is told."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepmir_bids.lesions.reader_review import SAVED
from deepmir_bids.reports.lesion_gallery import gallery_html
from deepmir_bids.reports.lesion_tiles import Images, lesion_tiles, radiological

COLUMNS = [
    'index', 'name', 'class', 'structure', 'region', 'x', 'y', 'z', 'volume_mm3', 'diameter_mm',
    'elongation', 'probability', 'chi_mean_ppm', 'chi_max_ppm', 'swi_contrast',
    'edge_distance_mm', 'flags',
]  # fmt: skip


def table(*rows, candidates=()):
    """Lesions, and candidates after them, by index, class, place and probability."""
    full = [
        (index, f'{kind}-{index:02d}', kind, '<b>insula</b>', 'lobar', *place, 8.0, 2.5, 1.2, p,
         np.nan, np.nan, 0.4, 12.0, None)
        for index, kind, place, p in (*rows, *candidates)
    ]  # fmt: skip
    found_as = ['lesion'] * len(rows) + ['candidate'] * len(candidates)
    words = dict.fromkeys(('verdict', 'reviewed_class', 'comment'))
    return pd.DataFrame(full, columns=COLUMNS).assign(found_as=found_as, **words)


@pytest.fixture
def images():
    """A dark lesion, index 1, near the front on the patient's right, in voxels of 1×1×2 mm."""
    swi = np.full((60, 70, 20), 100.0)
    labels = np.zeros(swi.shape, dtype=np.int32)
    swi[50:53, 60:63, 10] = 10
    labels[50:53, 60:63, 10] = 1
    return Images(swi, swi * 0 + 0.1, None, labels, np.diag([1.0, 1, 2, 1]))


def decode(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(',')[1]))))


def test_front_is_on_top_and_right_on_the_left():
    picture = np.zeros((3, 5))
    picture[2, 4] = 1  # right, front
    assert radiological(picture)[0, 0] == 1
    assert radiological(picture).shape == (5, 3)


def test_a_tile_shows_the_lesion_in_its_middle_and_outlines_it(images):
    tiles = list(lesion_tiles(images, 1, np.array([51.0, 61.0, 20.0])))
    assert [tile.title for tile in tiles] == ['SWI', 'SWI, outlined', 'minIP 10 mm', 'QSM']
    grey = decode(tiles[0].picture)
    assert grey.shape == (41, 41)
    dark = np.argwhere((grey > 0) & (grey < 50))
    np.testing.assert_array_equal(dark.mean(axis=0), [20, 20])
    assert tiles[0].outline == ''
    points = np.array(re.findall(r'([\d.]+),([\d.]+)', tiles[1].outline), dtype=float)
    np.testing.assert_allclose(points.mean(axis=0), [20.5, 20.5], atol=0.3)
    assert np.ptp(points, axis=0) == pytest.approx([3, 3], abs=0.1)


def test_voxels_keep_their_shape(images):
    wide = Images(images.swi, None, None, images.labels, np.diag([2.0, 1, 2, 1]))
    tile = next(lesion_tiles(wide, 1, np.array([102.0, 61.0, 20.0])))
    assert decode(tile.picture).shape == (41, 21)
    assert (tile.width_mm, tile.height_mm) == (42, 41)


def told(page):
    return json.loads(re.search(r'id="review-data">(.*?)</script>', page, re.S).group(1))


def test_the_most_probable_come_first_and_candidates_last(images):
    place = (51.0, 61.0, 20.0)
    lesions = table(
        (1, 'CMB', place, 0.91), (2, 'iron', place, 0.97), candidates=[(3, 'CMB', place, 0.6)]
    )
    page = gallery_html('sub-01', images, lesions, reviewed=False)
    assert re.findall(r'id="lesion-(\d)"', page) == ['2', '1', '3']
    assert 'Candidates below the threshold' in page
    assert told(page)['counted'] == 2
    assert told(page)['columns'] == list(SAVED)
    assert [row['index'] for row in told(page)['rows']] == [1, 2, 3]


def test_text_stays_text_and_an_earlier_review_is_shown(images):
    lesions = table((1, 'CMB', (51.0, 61.0, 20.0), 0.9))
    seen = lesions.assign(
        verdict='relabelled', reviewed_class='vein', comment='</script><script>alert(1)</script>'
    )
    nasty = 'sub-<script>alert(1)</script>'
    page = gallery_html(nasty, images, seen, reviewed=True)
    assert 'alert(1)</script>' not in page
    assert '<b>insula' not in page
    assert told(page)['unit'] == nasty
    assert told(page)['file'] == f'{nasty}_desc-review_dseg.tsv'
    assert told(page)['review'][0]['comment'] == '</script><script>alert(1)</script>'
    before = told(gallery_html(nasty, images, lesions, reviewed=False))
    assert before['review'] == []
    assert before['fingerprint'] != told(page)['fingerprint']


def test_nothing_found_is_said(images):
    assert 'No lesion was found' in gallery_html('sub-01', images, table(), reviewed=False)
