"""A model is found, its card is read, and a damaged file is never used."""

import json
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import replace

import pytest

from deepmir_bids import CLASSES
from deepmir_bids.model import ModelError, load_model
from deepmir_bids.model.chances import Chance
from deepmir_bids.model.model_registry import (
    CARD,
    OPERATING_POINTS,
    WEIGHTS,
    find_model,
    list_models,
    read_card,
    sha256,
    verify,
    write_card,
)


def test_listing_models_does_not_need_torch():
    code = (
        'import sys, deepmir_bids.model, deepmir_bids.cli.deepmir_model; '
        'assert "torch" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_a_card_comes_back_as_written(model_folder, tmp_path):
    card = replace(read_card(model_folder), chances={'swi': {'CMB': Chance(1.5, -2.0)}})
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


def test_an_unknown_model_names_the_cure():
    with pytest.raises(ModelError, match=r'No model "nothing".*card.json'):
        find_model('nothing')


def test_changed_weights_are_refused(model_folder):
    verify(model_folder)
    weights = model_folder / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=r'model\.safetensors is damaged'):
        load_model(model_folder)


def test_missing_weights_are_refused(model_folder):
    (model_folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r'model\.safetensors is missing'):
        verify(model_folder)


@pytest.mark.parametrize(
    'content',
    [
        '{}',
        '{"name": "x"}',
        '{"extent": "x"}',
        '{"extent": 5}',
        '{"chances": {"swi": {"CMB": [0, 1]}}}',
        '{"chances": {"swi": {"CMB": [1]}}}',
    ],
)
def test_what_is_not_a_card_is_refused(tmp_path, content):
    (tmp_path / CARD).write_text(content)
    with pytest.raises(ModelError, match=r'card\.json is not a model card'):
        read_card(tmp_path)


def test_a_card_without_a_threshold_is_refused(model_folder):
    content = json.loads((model_folder / CARD).read_text())
    thresholds = {point: dict.fromkeys(CLASSES, 0.5) for point in OPERATING_POINTS}
    content['thresholds'] = {
        '+'.join(inputs): deepcopy(thresholds) for inputs in read_card(model_folder).combinations
    }
    (model_folder / CARD).write_text(json.dumps(content))
    read_card(model_folder)
    del content['thresholds']['swi+qsm']['precise']['iron']
    (model_folder / CARD).write_text(json.dumps(content))
    with pytest.raises(ModelError, match='iron'):
        read_card(model_folder)
    del content['thresholds']['swi+qsm']
    (model_folder / CARD).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r'swi\+qsm'):
        read_card(model_folder)


@pytest.mark.parametrize(
    'change',
    [
        {'inputs': {'qsm': 'ppm'}},
        {'inputs': {'swi': 'tissue-ratio', 'flair': 'robust-z'}},
        {'inputs': {'swi': 'tissue-ratio'}, 'needs': ['swi', 'qsm']},
        {'classes': ['calcification']},
        {'spacing_mm': [1.0, 1.0]},
        {'spacing_mm': []},
        {'spacing_mm': [0, 1, 1]},
        {'spacing_mm': [1e-6, 1, 1]},
        {'margin_mm': 1e9},
        {'extent': 'x'},
        {'extent': 5},
        {'extent': True},
        {'min_volume_mm3': -1},
        {'classes': []},
        {'inputs': {'swi': 'unheard-of'}},
        {'network': {'name': 'UNet3D', 'arguments': {'features': [10**6] * 3}}},
        {'network': {'name': 'UNet3D', 'arguments': {'inputs': 7}}},
        {'network': {'name': 'UNet3D'}},
        {'thresholds': {'swi': {'balanced': {'CMB': 'x'}}}},
    ],
)
def test_a_card_that_contradicts_itself_is_refused(model_folder, change):
    content = json.loads((model_folder / CARD).read_text())
    (model_folder / CARD).write_text(json.dumps(content | change))
    with pytest.raises(ModelError, match=r'card\.json'):
        read_card(model_folder)


def test_a_preparation_from_the_future_is_refused(slices_folder):
    folder = slices_folder(('swi',), ('CMB',))
    content = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(content | {'preparation': 'sagittal'}))
    with pytest.raises(ModelError, match=r'"sagittal".*update deepmir'):
        load_model(folder)


def test_needs_and_classes_survive_the_file(slices_folder):
    card = read_card(slices_folder(('swi', 't2w'), ('CMB', 'iron')))
    assert (card.needs, card.classes, card.spacing_mm) == (('swi', 't2w'), ('CMB', 'iron'), ())
    card.check_inputs(['swi', 'qsm', 't2w'])
    with pytest.raises(ModelError, match='"slices" needs swi, t2w, and there is no t2w'):
        card.check_inputs(['swi', 'qsm'])


def test_the_fingerprint_follows_what_changes_probabilities(model_folder):
    card = read_card(model_folder)
    assert replace(card, thresholds={}, extent=0.1, description='').fingerprint == card.fingerprint
    turned = dict(reversed(card.inputs.items()))
    meaning = {'chances': {'swi': {'CMB': Chance(1.5, -2.0)}}}
    for change in ({'sha256': '0'}, {'inputs': turned}, {'classes': ('iron', 'CMB')}, meaning):
        assert replace(card, **change).fingerprint != card.fingerprint


def test_weights_of_another_network_are_refused(model_folder):
    content = json.loads((model_folder / CARD).read_text())
    content['network']['arguments']['features'] = [8, 8]
    (model_folder / CARD).write_text(json.dumps(content))
    with pytest.raises(ModelError, match='does not fit the network'):
        load_model(model_folder)


def test_a_card_that_is_no_file_is_refused(tmp_path):
    for content in ('', '[]', '[' * 100_000):
        (tmp_path / CARD).write_text(content)
        with pytest.raises(ModelError, match=r'card\.json .*it is not a model card'):
            read_card(tmp_path)


@pytest.mark.parametrize('weights', [b'', b'\xff' * 100, bytes(8) + b'{}'])
def test_what_are_no_weights_is_refused(model_folder, weights):
    (model_folder / WEIGHTS).write_bytes(weights)
    card = replace(read_card(model_folder), sha256=sha256(model_folder / WEIGHTS))
    write_card(card, model_folder)
    with pytest.raises(ModelError, match='does not fit the network'):
        load_model(model_folder)


def test_a_large_network_takes_no_memory_if_its_weights_are_small(model_folder):
    content = json.loads((model_folder / CARD).read_text())
    content['network']['arguments']['features'] = [4096, 4096]
    (model_folder / CARD).write_text(json.dumps(content))
    begin = time.process_time()
    with pytest.raises(ModelError, match='and not'):
        load_model(model_folder)
    assert time.process_time() - begin < 5


def test_shipped_models_are_whole():
    for name in list_models():
        card = verify(find_model(name))
        assert card.name == name
        assert (find_model(name) / WEIGHTS).stat().st_size < 25 * 2**20
