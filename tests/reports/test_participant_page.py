"""The page as one file, and the images in it."""

from __future__ import annotations

import base64
import gzip
import re

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids.reports.lesion_tiles import Images
from deepmir_bids.reports.niivue_viewer import CANDIDATE, viewer_html
from deepmir_bids.reports.participant_page import assemble_page, failure_page
from deepmir_bids.reports.slice_mosaic import plot_slices


def head(shape, zooms=(0.9, 0.9, 2.0)):
    """A noisy brain in the middle of an image, with 60 lesions."""
    rng = np.random.default_rng(0)
    swi = rng.normal(100, 8, shape)
    brain = np.zeros(shape, dtype=bool)
    brain[shape[0] // 8 : -shape[0] // 8, shape[1] // 12 : -shape[1] // 12, 2:-2] = True
    labels = np.zeros(shape, dtype=np.int32)
    for index, place in enumerate(rng.permutation(np.argwhere(brain))[:60], start=1):
        labels[tuple(place)] = index
    affine = nib.affines.from_matvec(np.diag(zooms), (-90, -100, -40))
    return Images(swi, rng.normal(0, 0.03, shape), None, labels, affine), brain


def volumes(page):
    found = re.findall(r'id="volume-(\w+)">data:[^,]*,([^<]*)<', page)
    return {
        name: nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))
        for name, text in found
    }


def lesions(*found_as):
    """Microbleeds and candidates for one, in the order of their indices."""
    return pd.DataFrame({'class': 'CMB', 'found_as': found_as})


def test_the_whole_images_lie_where_they_belong():
    images, brain = head((64, 72, 16))
    images.labels[...] = 0
    images.labels[20, 24, 6], images.labels[12, 10, 5] = 1, 2
    images.swi[20, 24, 6] = 0
    found = volumes(viewer_html(images, brain, lesions('lesion', 'candidate')))
    assert set(found) == {'SWI', 'QSM', 'labels'}
    labels = np.asanyarray(found['labels'].dataobj)
    for value, place in ((1, (20, 24, 6)), (CANDIDATE, (12, 10, 5))):
        (there,) = np.argwhere(labels == value)
        world = nib.affines.apply_affine(found['labels'].affine, there)
        np.testing.assert_allclose(world, nib.affines.apply_affine(images.affine, place))
    swi = np.asanyarray(found['SWI'].dataobj)
    assert swi.dtype == np.uint8
    assert swi[tuple(np.argwhere(labels == 1)[0])] == 0
    assert swi.shape < images.swi.shape


@pytest.mark.slow
def test_the_largest_images_stay_small():
    images, brain = head((384, 448, 100), (0.5, 0.5, 1.5))
    page = viewer_html(images, brain, lesions(*['lesion'] * 60))
    # What else is on a page takes some 2 MB; 15 MB are allowed.
    assert len(page) < 12e6


def test_the_page_needs_nothing_else(tmp_path):
    figures = tmp_path / 'reportlets' / 'sub-01' / 'figures'
    figures.mkdir(parents=True)
    (figures / 'sub-01_space-SWI_desc-summary_swi.html').write_text('<p>counted</p>')
    picture = nib.Nifti1Image(np.random.default_rng(0).normal(size=(9, 9, 9)), np.eye(4))
    plot_slices(
        picture,
        np.ones((9, 9, 9), dtype=bool),
        figures / 'sub-01_space-SWI_desc-brain_mask.png',
        dimensions=['z'],
    )
    (tmp_path / 'page').mkdir()
    page = assemble_page(tmp_path / 'reportlets', tmp_path / 'page', 'sub-01', '01').read_text()
    assert '<p>counted</p>' in page
    assert "default-src 'none'" in page
    assert re.search(r'<img alt="Brain mask over the SWI"[^>]* src="data:image/png;base64,', page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_a_failed_unit_has_a_page_and_text_stays_text():
    page = failure_page('sub-<script>', 'no <b>room</b>', 'Traceback <i>')
    assert '<b>' not in page
    assert '<i>' not in page
    assert 'sub-&lt;script&gt;' in page
    assert 'no &lt;b&gt;room' in page
    assert '<style>' in page
