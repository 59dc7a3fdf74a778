"""The built-in anatomy: tissue maps and the head around them."""

import numpy as np
import pytest

from deepmir_bids.anatomy.builtin_head import contrast_image, grow_head, tissue_maps


@pytest.fixture(scope='module')
def maps():
    return tissue_maps(4)


def test_tissues_add_up_to_one_in_the_brain_and_none_outside(maps):
    total = sum(maps[tissue].get_fdata() for tissue in ('gm', 'wm', 'csf'))
    brain = maps['brain_mask'].get_fdata() > 0
    np.testing.assert_allclose(total[brain], 1, atol=1e-5)
    assert not total[~brain].any()
    assert brain.sum() * 64e-3 == pytest.approx(1883, rel=0.02)  # mL, of the ICBM average


def test_head_lies_around_the_brain(maps):
    head = grow_head(maps)
    brain = maps['brain_mask'].get_fdata() > 0
    for layer in ('skull', 'scalp'):
        assert head[layer].get_fdata().sum() > 1000
        assert not head[layer].get_fdata()[brain].any()
    t2w = contrast_image(head, 't2w').get_fdata()
    assert t2w[head['scalp'].get_fdata() > 0].min() > 0.5
    assert t2w[head['skull'].get_fdata() > 0].max() < 0.2
    assert not contrast_image(maps, 't2w').get_fdata()[~brain].any()


@pytest.mark.parametrize(
    ('contrast', 'brightest', 'darkest'),
    [('t2w', 'csf', 'wm'), ('t1w', 'wm', 'csf'), ('swi', 'gm', 'wm')],
)
def test_contrasts_order_the_tissues(maps, contrast, brightest, darkest):
    image = contrast_image(maps, contrast).get_fdata()
    mean = {t: image[maps[t].get_fdata() > 0.9].mean() for t in ('gm', 'wm', 'csf')}
    assert max(mean, key=mean.get) == brightest
    assert min(mean, key=mean.get) == darkest
