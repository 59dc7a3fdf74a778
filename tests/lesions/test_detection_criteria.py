"""What counts as a lesion, resolved once."""

from __future__ import annotations

from pathlib import Path

from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.chances import Chance
from deepmir_bids.model.model_registry import find_model, read_card
from deepmir_bids.settings import DEFAULT_MODEL, Settings

PATHS = (Path('/d'), Path('/o'), Path('/w'))


def test_own_thresholds_win_over_the_models():
    card = read_card(find_model(DEFAULT_MODEL))
    settings = Settings(*PATHS, threshold_iron=0.5, min_volume=7.0, operating_point='precise')
    criteria = DetectionCriteria.resolve(settings, card, ['swi', 'qsm'])
    own = card.thresholds['swi+qsm']['precise']['CMB']
    outlines, chances = card.outlines_for(['swi', 'qsm']), card.chances_for(['swi', 'qsm'])
    thresholds = {'CMB': own, 'iron': 0.5}
    assert criteria == DetectionCriteria(thresholds, outlines, 7.0, 'precise', chances)
    # The card itself is not changed.
    assert (
        DetectionCriteria.resolve(Settings(*PATHS), card, ['swi', 'qsm']).thresholds
        == (card.thresholds['swi+qsm']['balanced'])
    )


def test_a_sidecar_says_it_all():
    outlines = {'CMB': 0.6, 'iron': 0.5}
    chances = {'CMB': Chance(1.5, -2.0)}
    criteria = DetectionCriteria({'CMB': 0.9, 'iron': 0.8}, outlines, 1.5, 'balanced', chances)
    sidecar = criteria.for_sidecar()
    assert DetectionCriteria.from_sidecar(sidecar) == criteria
    earlier = DetectionCriteria.from_sidecar(sidecar | {'ExtentThreshold': 0.4})
    assert earlier.outlines == {'CMB': 0.4, 'iron': 0.4}
