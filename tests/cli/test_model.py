"""deepmir-model, from the command line."""

import shutil

import pytest

from deepmir_bids import data
from deepmir_bids.cli.model import main
from deepmir_bids.model import DEFAULT_MODEL
from deepmir_bids.model.registry import WEIGHTS


@pytest.fixture
def default_model(tmp_path):
    """A copy of the default model that may be damaged."""
    return shutil.copytree(data.load('models', DEFAULT_MODEL), tmp_path / 'copy')


def test_list_names_the_default_model(capsys):
    assert main(['list']) == 0
    assert capsys.readouterr().out.startswith(DEFAULT_MODEL)


def test_show_prints_the_card(capsys):
    assert main(['show', DEFAULT_MODEL]) == 0
    assert 'not for clinical use' in capsys.readouterr().out


def test_verify_tells_whole_from_damaged(default_model, capsys):
    assert main(['verify']) == 0
    assert main(['verify', str(default_model)]) == 0
    (default_model / WEIGHTS).write_bytes(b'')
    assert main(['verify', str(default_model)]) == 1
    assert 'damaged' in capsys.readouterr().err


def test_an_unknown_model_is_wrong_usage(capsys):
    assert main(['show', 'nothing']) == 2
    assert 'No model "nothing"' in capsys.readouterr().err
