"""What is measured of a site's images, and what lies outside of what was learned."""

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.acceptance.site_traits import TRAITS, compare_traits, learned_traits
from deepmir_bids.acceptance.site_traits import measure_traits as measure


@pytest.fixture
def head():
    """A brain of signal 100 with a dark nucleus and a vein, in air."""
    brain = np.zeros((40, 40, 20), bool)
    brain[4:-4, 4:-4, 2:-2] = True
    nuclei = np.zeros_like(brain)
    nuclei[10:18, 10:18, 6:14] = True
    swi = np.where(brain, 100.0, 0) + np.random.default_rng(0).normal(0, 2, brain.shape)
    swi[nuclei] *= 0.8
    swi[26:29, 4:-4, 2:-2] *= 0.5
    qsm = np.where(nuclei, 0.1, np.where(brain, 0.01, 0))
    return swi, qsm, brain, nuclei


def test_traits_of_a_head(head):
    swi, qsm, brain, nuclei = head
    traits = measure(swi, qsm, brain, nuclei, (1.0, 0.8, 2.0))
    assert set(traits) == set(TRAITS)
    assert (traits['finest_mm'], traits['coarsest_mm']) == (0.8, 2.0)
    assert traits['noise'] == pytest.approx(0.02, rel=0.2)
    assert traits['vein_contrast'] == pytest.approx(0.5, abs=0.1)
    assert traits['nuclei_contrast'] < 0.95
    assert traits['qsm_nuclei_ppm'] == pytest.approx(0.09)


def test_what_a_crop_lacks_is_not_made_up(head):
    swi, _, brain, nuclei = head
    traits = measure(swi, None, brain, np.zeros_like(nuclei), (1.0, 1.0, 2.0))
    lacking = {name for name, value in traits.items() if np.isnan(value)}
    assert lacking == {'nuclei_contrast', 'qsm_nuclei_ppm', 'qsm_spread_ppm'}


def test_units_outside_are_counted():
    learned = learned_traits()
    assert set(learned['trait']) == set(TRAITS)
    site = pd.DataFrame({name: [np.nan] * 3 for name in TRAITS}).assign(coarsest_mm=[2.0, 5.0, 3])
    row = compare_traits(site, learned).iloc[0]
    assert (row['trait'], row['outside'], row['units']) == ('coarsest_mm', 1, 3)
    assert row['learned_most'] == 3.0
