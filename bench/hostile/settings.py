"""Filter and plugin files, model cards and weights."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from deepmir_bids.data import load as load_data
from deepmir_bids.model.model_registry import CARD, WEIGHTS
from hostile.names import plant
from hostile.pieces import EDITS, edited, spoilt_json

QUERIES = {
    'swi': {'suffix': ['swi'], 'acquisition': 'x', 'run': 1, 'session': [None, '1']},
    'qsm': {'suffix': 'Chimap', 'desc': None},
    't2w': {'extension': ['.nii.gz']},
}
PLUGIN = 'plugin: MultiProc\nplugin_args:\n  n_procs: 2\n  memory_gb: 4\n  sbatch_args: x\n'


def queries() -> st.SearchStrategy:
    """Filter files; the dataset that they are asked of is indexed before any is read."""
    _layout()
    return spoilt_json(QUERIES)


@cache
def _layout():
    from deepmir_bids.bids.dataset_index import index_dataset, relevant_files

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / 'raw'
        plant(root, [('sub-01', 'anat', 'sub-01_swi.nii.gz', 'file')])
        return index_dataset(root, relevant_files([{'suffix': ['swi', 'Chimap', 'T2w']}]), ())


def read_queries(folder: Path, made: bytes) -> None:
    """As the choice of inputs does."""
    from deepmir_bids.bids.dataset_index import relevant_files
    from deepmir_bids.bids.filter_file import load_queries

    path = folder / 'filter.json'
    path.write_bytes(made)
    wanted = load_queries(path)
    relevant_files(list(wanted.values()))
    for query in wanted.values():
        asked = {name: v for name, v in query.items() if name not in ('subject', 'session')}
        _layout().get(subject='01', invalid_filters='allow', **asked)


def read_plugin_file(folder: Path, made: bytes) -> None:
    """As the start of a run does."""
    from deepmir_bids.running.nipype_plugins import read_plugin

    path = folder / 'plugin.yml'
    path.write_bytes(made)
    arguments = read_plugin(path).arguments
    assert arguments.get('n_procs', 1) >= 1


def sound_card() -> dict[str, Any]:
    return json.loads(load_data('models', 'default', CARD).read_text())


def read_model_card(folder: Path, made: bytes) -> None:
    """As the start of a run does, and what is asked of a card later."""
    from deepmir_bids.model.model_registry import OPERATING_POINTS, find_model, read_card

    (folder / CARD).write_bytes(made)
    card = read_card(find_model(folder))
    for inputs in card.combinations:
        for point in OPERATING_POINTS:
            card.thresholds_for(inputs, point)
    assert 0 < card.extent < 1
    assert len(card.fingerprint) == 64


@cache
def _small_model() -> tuple[dict[str, Any], bytes]:
    import torch
    from safetensors.torch import save

    from deepmir_bids.model.network_choice import build

    torch.manual_seed(0)
    arguments = {'inputs': 3, 'classes': 2, 'features': [2, 2], 'fold': [1, 1, 1]}
    card = sound_card() | {'network': {'name': 'UNet3D', 'arguments': arguments}}
    state = build('UNet3D', arguments).state_dict()
    return card, save({key: value.contiguous() for key, value in state.items()})


@st.composite
def weights(draw) -> bytes:
    """A weights file: its header's length, its header, or its numbers are changed."""
    sound = _small_model()[1]
    length = int.from_bytes(sound[:8], 'little')
    if draw(st.booleans()):
        header = draw(spoilt_json(json.loads(sound[8 : 8 + length])))
        said = draw(st.sampled_from([len(header), len(header), 0, 1, 2**40, 2**63]))
        sound = said.to_bytes(8, 'little') + header + sound[8 + length :]
    return edited(sound, draw(EDITS), draw(st.sampled_from([8, length + 8, len(sound)])))


def read_weights(folder: Path, made: bytes) -> None:
    """As the detection does."""
    from deepmir_bids.model.model_registry import sha256
    from deepmir_bids.model.prediction import read_model

    (folder / WEIGHTS).write_bytes(made)
    card = _small_model()[0] | {'sha256': sha256(folder / WEIGHTS)}
    (folder / CARD).write_text(json.dumps(card))
    read_model(folder)
