"""The command deepmir-simulate."""

import subprocess
import sys

import pytest

from deepmir_bids.cli.deepmir_simulate import main
from deepmir_bids.simulation import implanted_dataset, simulated_dataset
from deepmir_bids.simulation.acquisition import SLOPPY
from deepmir_bids.simulation.simulated_subject import simulate_subject


@pytest.mark.slow
def test_writes_a_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(
        simulated_dataset,
        'simulate_subject',
        lambda seed, echoes: simulate_subject(seed, SLOPPY, echoes=echoes),
    )
    out = tmp_path / 'new'
    assert main([str(out), '--participants', '1', '--seed', '5', '--raw']) == 0
    assert (out / 'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz').exists()
    assert (out / 'sub-01/anat/sub-01_part-phase_T2starw.nii.gz').exists()
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


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--lesions', '3'], '--lesions goes with --into'),
        (['--qsm-scale', 'ppb'], '--qsm-scale goes with --into'),
        (['--echo-time', '0.02'], '--echo-time goes with --into'),
        (['--into', 'nowhere', '--participants', '2'], '--participants'),
        (['--into', 'nowhere', '--raw', '3'], '--raw'),
        (['--into', 'nowhere'], 'nowhere (raw) is not a folder'),
        (['--into', '.', '--derivatives', 'qsm'], 'NAME=PATH'),
    ],
)
def test_wrong_use_of_into(tmp_path, capsys, options, said):
    assert main([str(tmp_path / 'out'), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_into_ends_with_1_where_somebody_was_left_out(tmp_path, monkeypatch, capsys):
    asked = {}

    def implant(root, settings, plan):
        asked.update(settings=settings, plan=plan)
        yield implanted_dataset.Outcome('sub-01 written.', True)
        yield implanted_dataset.Outcome('sub-02 left out: why.', False)

    monkeypatch.setattr(implanted_dataset, 'implant_dataset', implant)
    options = ['--into', str(tmp_path), '--lesions', '4', '--echo-time', '20', '--seed', '7']
    more = ['--b0-direction', '0', '0.5', '1', '--participant-label', 'sub-01', '02']
    assert main([str(tmp_path / 'out'), *options, *more]) == 1
    assert 'sub-02 left out: why.' in capsys.readouterr().err
    assert asked['settings'].participant_label == ('01', '02')
    plan = asked['plan']
    assert (plan.microbleeds, plan.seed, plan.scan.echo_time_s) == (4, 7, 20)
    assert plan.scan.b0_direction == (0, 0.5, 1)


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
