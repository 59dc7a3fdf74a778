"""The command deepmir-simulate."""

import subprocess
import sys

import pytest

from deepmir_bids.cli.deepmir_simulate import main
from deepmir_bids.simulation import simulated_dataset
from deepmir_bids.simulation.acquisition import SLOPPY
from deepmir_bids.simulation.simulated_subject import simulate_subject


@pytest.mark.slow
def test_writes_a_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(
        simulated_dataset, 'simulate_subject', lambda seed: simulate_subject(seed, SLOPPY)
    )
    out = tmp_path / 'new'
    assert main([str(out), '--participants', '1', '--seed', '5']) == 0
    assert (out / 'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz').exists()
    assert (out / 'derivatives/truth/dataset_description.json').exists()


def test_folder_in_use(tmp_path, capsys):
    (tmp_path / 'mine.txt').write_text('precious')
    assert main([str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert str(tmp_path) in message.replace('\n', '')
    assert 'Traceback' not in message


@pytest.mark.parametrize('bad', [['--participants', '0'], ['--seed', '-1'], ['--seed', 'x']])
def test_wrong_numbers(tmp_path, bad):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / 'out'), *bad])
    assert stop.value.code == 2
    assert not (tmp_path / 'out').exists()


def test_help_imports_nothing_heavy():
    code = (
        'import sys\n'
        'from deepmir_bids.cli.deepmir_simulate import main\n'
        'try:\n    main(["--help"])\nexcept SystemExit:\n    pass\n'
        'sys.exit(any(m in sys.modules for m in ("numpy", "scipy", "nibabel", "torch")))'
    )
    assert (
        subprocess.run([sys.executable, '-c', code], capture_output=True, check=False).returncode
        == 0
    )
