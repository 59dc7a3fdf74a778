"""deepmir-model, from the command line."""

import shutil

import pytest

from deepmir_bids import data
from deepmir_bids.cli.deepmir_model import main
from deepmir_bids.model import DEFAULT_MODEL
from deepmir_bids.model.model_registry import WEIGHTS


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


def test_import_keras_makes_a_model(tmp_path, write_keras, capsys):
    from deepmir_bids.model.network_choice import build

    file, out = tmp_path / 'a.h5', tmp_path / 'authors'
    write_keras(file, build('DeepMIR2D', {'inputs': 2, 'outputs': 1, 'width': 2}))
    assert main(['import-keras', str(file), str(out)]) == 2
    assert '--inputs' in capsys.readouterr().err
    names = ['--inputs', 'swi', 'qsm', '--classes', 'CMB']
    assert main(['import-keras', str(file), str(out), *names]) == 0
    assert 'a network of swi, qsm for CMB' in capsys.readouterr().out
    assert main(['verify', str(out)]) == 0
    assert main(['show', str(out)]) == 0
    assert 'licence": "not known' in capsys.readouterr().out


def test_import_keras_refuses_what_is_not_hdf5(tmp_path, capsys):
    (tmp_path / 'a.h5').write_text('version https://git-lfs.github.com/spec/v1')
    assert main(['import-keras', str(tmp_path / 'a.h5'), str(tmp_path / 'out')]) == 2
    assert 'not a whole HDF5 file' in capsys.readouterr().err
