"""Folds one after the other, and what is pooled over them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.errors import InputError
from deepmir_bids.model import load_model
from deepmir_bids.training import crossvalidation
from deepmir_bids.training.crossvalidation import as_figures, pool, run_parts
from deepmir_bids.training.fold_division import divide
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.training_subjects import cache_subject
from deepmir_bids.training.untrained_card import restrict

COUNTS = pd.DataFrame(
    [
        ('sub-01', 'swi', 'CMB', 3, 1, 1),
        ('sub-02', 'swi', 'CMB', 0, 2, 0),
        ('sub-01', 'swi', 'iron', 0, 0, 0),
        ('sub-02', 'swi', 'iron', 0, 0, 0),
    ],
    columns=['unit', 'inputs', 'class', 'TP', 'FP', 'FN'],
)


def test_counts_are_pooled_and_rates_follow():
    cmb, iron = pool(COUNTS).to_dict('records')
    assert (cmb['units'], cmb['TP'], cmb['FP'], cmb['FN']) == (2, 3, 3, 1)
    assert cmb['sensitivity'] == 0.75
    assert cmb['precision'] == 0.5
    assert cmb['F1'] == 0.6
    assert cmb['FP_per_subject'] == 1.5
    assert np.isnan(iron['F1'])
    assert as_figures(pool(COUNTS))['swi']['iron']['F1'] is None
    assert as_figures(pool(COUNTS))['swi']['CMB']['F1'] == 0.6


@pytest.fixture
def small(card, monkeypatch):
    monkeypatch.setattr('deepmir_bids.training.patch_sampling.PATCH', (24, 24, 12))
    network = {'name': 'UNet3D', 'arguments': {'features': [8], 'fold': [2, 2, 1]}}
    return replace(restrict(card, ['swi', 't2w'], ['CMB']), network=network)


def test_each_fold_has_its_model_and_all_are_pooled(small, draw_subject, tmp_path, monkeypatch):
    subjects = {
        label: [cache_subject(f'sub-{label}', *draw_subject(int(label)), small)]
        for label in ('01', '02', '03')
    }
    parts = divide(dict.fromkeys(subjects, 2), 3, 0.2, seed=0)
    plan = Plan(steps=2, batch=1, validations=1)
    model = load_model(run_parts(parts, subjects, small, plan, tmp_path))
    for part in parts[:-1]:
        card = load_model(tmp_path / part.name / 'model').card
        assert card.training['subjects'] == [f'sub-{label}' for label in part.training]
        assert (tmp_path / part.name / 'curves.png').is_file()
        held_out = read_tsv(tmp_path / part.name / 'held_out.tsv')
        assert set(held_out['unit']) == {f'sub-{label}' for label in part.held_out}
    table = read_tsv(tmp_path / 'cross_validation.tsv')
    assert set(table) == set(json.loads((tmp_path / 'cross_validation.json').read_text()))
    pooled = table[table['fold'] == 'all'].set_index(['inputs', 'class'])
    assert set(pooled.index) == {
        (inputs, name) for inputs in ('swi', 'swi+t2w') for name in ('CMB', 'CMB>=3mm')
    }
    assert (pooled['units'] == 3).all()
    assert (pooled['TP'] + pooled['FN']).loc[('swi', 'CMB')] == 6
    assert '3 units, each held out once in 3 folds' in model.card.figures['data']
    assert model.card.training['inputs'] == ['swi', 't2w']
    assert model.card.training['classes'] == ['CMB']
    for inputs in ('swi', 'swi+t2w'):
        chosen = model.card.thresholds[inputs].values()
        assert all(of_class['iron'] > 0.99 for of_class in chosen)

    # What is done is not done again.
    trained = []
    monkeypatch.setattr(crossvalidation, '_run', lambda part, *rest: trained.append(part.name))
    (tmp_path / 'fold-2' / 'held_out.tsv').unlink()
    with pytest.raises(InputError, match=r'held_out.tsv'):
        run_parts(parts, subjects, small, plan, tmp_path)
    assert trained == ['fold-2']
