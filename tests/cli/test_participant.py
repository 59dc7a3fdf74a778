"""What is known of a run before it starts."""

from dataclasses import replace
from pathlib import Path

from deepmir_bids.bids.units import Unit
from deepmir_bids.cli.participant import unsuited
from deepmir_bids.model.keras_import import import_keras
from deepmir_bids.model.networks import build
from deepmir_bids.settings import Settings


def test_units_without_what_the_model_needs_fail_at_once(tmp_path, write_keras):
    write_keras(tmp_path / 'a.h5', build('DeepMIR2D', {'inputs': 2, 'outputs': 3, 'width': 2}))
    import_keras(tmp_path / 'a.h5', tmp_path / 'authors', ('swi', 'qsm'))
    settings = Settings(tmp_path, tmp_path / 'out', tmp_path / 'work')
    whole = Unit('01', swi=Path('swi'), qsm=Path('qsm'))
    lacking = Unit('02', swi=Path('swi'), t2w=Path('t2w'))
    assert unsuited(settings, [whole, lacking]) == {}
    found = unsuited(replace(settings, model=str(tmp_path / 'authors')), [whole, lacking])
    assert list(found) == ['sub-02']
    assert found['sub-02'].startswith('The model "authors" needs swi, qsm, and there is no qsm')
