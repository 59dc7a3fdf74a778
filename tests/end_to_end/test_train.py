"""Cross-validation from raw images to a model, killed midway and taken up again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from deepmir_bids.model import load_model
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

pytestmark = [pytest.mark.slow, pytest.mark.long]

#: What an interruption must not change.
RESULTS = ('folds.json', 'cross_validation.tsv', 'fold-1/held_out.tsv', 'fold-3/held_out.tsv')


@dataclass(frozen=True)
class Training:
    """A finished training of three folds on a dataset."""

    bids_dir: Path
    out_dir: Path
    said: str
    cpu_s: float


@pytest.fixture(scope='module')
def start(offline: Callable) -> Callable[[Path, Path], subprocess.Popen]:
    """Return the function that starts the training of three folds in a process group."""

    def start_training(bids_dir: Path, out_dir: Path) -> subprocess.Popen:
        options = ['--labels', bids_dir / 'derivatives' / 'truth', '--device', 'cpu']
        options += ['--folds', '3', '--sloppy', '--nprocs', '2']
        return offline('train', bids_dir, out_dir, *options, work_dir=out_dir / 'work')

    return start_training


@pytest.fixture(scope='module')
def training(tmp_path_factory, subject: Callable, start, children_cpu_s) -> Training:
    """Three folds of six simulated participants, from raw images to the final model."""
    root = tmp_path_factory.mktemp('train')
    create_dataset(root / 'bids')
    for i in range(1, 7):
        write_subject(root / 'bids', f'{i:02d}', subject(100 + i))
    before = children_cpu_s()
    process = start(root / 'bids', root / 'out')
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return Training(root / 'bids', root / 'out', said, children_cpu_s() - before)


def test_it_ends_with_models_and_figures_in_five_minutes_of_two_cores(training):
    assert training.cpu_s < 2 * 300
    model = load_model(training.out_dir / 'model')
    assert 'deepmir --model takes this folder' in training.said
    assert '6 units, each held out once in 3 folds' in model.card.figures['data']
    for fold in ('fold-1', 'fold-2', 'fold-3'):
        card = load_model(training.out_dir / fold / 'model').card
        assert len(card.training['subjects']) == 3
        assert card.figures['by_inputs']['swi+qsm+t2w']['CMB']['sensitivity'] is not None


def test_killed_midway_it_ends_with_the_same_folds_and_figures(training, start, tmp_path):
    shutil.copytree(training.out_dir / 'preprocessed', tmp_path / 'preprocessed')
    process = start(training.bids_dir, tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / 'fold-2/checkpoint.safetensors').exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / 'fold-2/held_out.tsv').exists()
    first = (tmp_path / 'fold-1/held_out.tsv').stat().st_mtime_ns
    again = start(training.bids_dir, tmp_path)
    said, _ = again.communicate()
    assert again.returncode == 0, said
    assert (tmp_path / 'fold-1/held_out.tsv').stat().st_mtime_ns == first
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (training.out_dir / name).read_bytes()
    one, other = (load_model(f / 'fold-2/model').network for f in (training.out_dir, tmp_path))
    for ours, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs)
