"""Wrong usage ends with 2, says why in a sentence, and writes nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.cli.deepmir import main, notes_on_level, parser, to_settings
from deepmir_bids.settings import Settings


@pytest.fixture
def raw(tmp_path):
    """A BIDS dataset of one participant with an SWI."""
    root = tmp_path / 'raw'
    folder = root / 'sub-01' / 'anat'
    folder.mkdir(parents=True)
    (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    image = nib.Nifti1Image(np.ones((4, 4, 4), dtype=np.float32), np.eye(4))
    nib.save(image, folder / 'sub-01_acq-swi_T2starw.nii.gz')
    return root


@pytest.fixture
def refused(tmp_path, capsys):
    """Return a function that runs deepmir, sees it refuse, and gives the sentence it said."""

    def run(bids_dir, out_dir, *options):
        before = sorted(tmp_path.rglob('*'))
        work = [] if '--work-dir' in options else ['--work-dir', str(tmp_path / 'work')]
        status = main([str(bids_dir), str(out_dir), 'participant', *map(str, options), *work])
        assert status == 2
        assert sorted(tmp_path.rglob('*')) == before
        said = capsys.readouterr().err.strip()
        assert said.startswith('deepmir: ')
        assert '\n' not in said
        return said

    return run


def test_bids_dir_that_is_not_there(tmp_path, refused):
    assert 'nowhere is not a folder' in refused(tmp_path / 'nowhere', tmp_path / 'out')


def test_folder_that_is_not_bids(raw, tmp_path, refused):
    (raw / 'dataset_description.json').unlink()
    assert 'not a BIDS dataset' in refused(raw, tmp_path / 'out')


def test_unknown_participant(raw, tmp_path, refused):
    assert 'no participant 77' in refused(raw, tmp_path / 'out', '--participant-label', 'sub-77')


@pytest.mark.parametrize('inside', ['.', 'results', 'sub-01/deepmir'])
def test_out_dir_inside_the_raw_dataset(raw, refused, inside):
    assert 'BIDS dataset' in refused(raw, raw / inside)


def test_work_dir_inside_the_raw_dataset(raw, tmp_path, refused):
    assert '--work-dir' in refused(raw, tmp_path / 'out', '--work-dir', raw / 'work')


def test_derivatives_of_the_raw_dataset_may_hold_the_outputs(raw):
    from deepmir_bids.running.preflight import check_places

    check_places(Settings(raw, raw / 'derivatives' / 'deepmir', raw.parent / 'work'))


@pytest.mark.parametrize('option', ['out_dir', '--work-dir'])
def test_folder_that_cannot_be_written_to(raw, tmp_path, refused, option):
    (tmp_path / 'file').write_text('in the way')
    blocked = tmp_path / 'file' / 'folder'
    if option == 'out_dir':
        said = refused(raw, blocked)
    else:
        said = refused(raw, tmp_path / 'out', option, blocked)
    assert 'cannot be written to' in said
    assert str(blocked) in said


def test_disk_without_room(raw, tmp_path, refused, monkeypatch):
    from collections import namedtuple

    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr('shutil.disk_usage', lambda _: usage(10**9, 10**9, 10**6))
    assert '0.00 GB left' in refused(raw, tmp_path / 'out')


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (['--derivatives', 'qsm'], 'takes NAME=PATH'),
        (['--derivatives', 'a b=/tmp'], 'takes NAME=PATH'),
        (['--derivatives', 'raw=/tmp'], 'raw is the BIDS dataset itself'),
        (['--derivatives', 'q=/tmp', '--derivatives', 'q=/'], 'the name q that another one has'),
        (['--derivatives', 'q=/tmp', '--brain-mask-from', 'q=/'], 'two datasets the name q'),
        (['--template', 'MNI152NLin2009cAsm'], 'MNI152NLin2009cAsym'),
        (['--device', 'cuda:97'], 'is not in this machine'),
        (['--derivatives', 'qsm=/nowhere'], '/nowhere (qsm) is not a folder: give '),
        (['--bids-filter-file', '/nowhere.json'], 'is not a file: give '),
        (['--atlas-labels', __file__], 'goes with a label image'),
        (['--atlas', __file__], 'has no names: add --atlas-labels'),
        (['--atlas', 'HOPSA'], 'give one of HOSPA, builtin, or '),
        (['--model', 'nothing'], 'No model "nothing"'),
    ],
)
def test_options_that_cannot_be_used(raw, tmp_path, refused, options, says):
    assert says in refused(raw, tmp_path / 'out', *options)


def test_an_out_dir_that_is_somebody_elses_or_an_input(raw, tmp_path, refused):
    theirs = tmp_path / 'fmriprep'
    theirs.mkdir()
    (theirs / 'dataset_description.json').write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    assert 'holds what fMRIPrep made' in refused(raw, theirs)
    qsm = tmp_path / 'qsm'
    qsm.mkdir()
    assert 'is an input (q)' in refused(raw, qsm, '--derivatives', f'q={qsm}')


def test_a_bad_table_of_labels_leaves_no_log(raw, tmp_path, refused):
    atlas, table = tmp_path / 'atlas.nii', tmp_path / 'labels.tsv'
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), dtype=np.uint8), np.eye(4)), atlas)
    for content, says in (('name\nx\n', 'no column index'), ('index\tname\n7\tx\n', 'none of')):
        table.write_text(content)
        options = ['--atlas', atlas, '--atlas-labels', table]
        assert says in refused(raw, tmp_path / 'out', *options)


@pytest.mark.parametrize('device', ['gpu', 'cuda:', 'mps'])
def test_a_device_that_torch_does_not_know(device, capsys):
    with pytest.raises(SystemExit) as end:
        main(['raw', 'out', 'participant', '--device', device])
    assert end.value.code == 2
    assert 'neither auto, cpu, cuda nor cuda:NUMBER' in capsys.readouterr().err


def test_paths_are_absolute_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('mine', 'default', 'q', 'r'):
        (tmp_path / name).mkdir()
    (tmp_path / 'atlas.nii').touch()
    line = 'raw out participant --model mine --atlas atlas.nii --atlas-labels a.tsv -w work'
    line += ' --bids-filter-file f.json --derivatives q=q --use-plugin p.yml --nprocs 2'
    settings = to_settings(parser().parse_args([*line.split(), '--derivatives', 'r=r']))
    assert settings.model == str(tmp_path / 'mine')
    assert settings.atlas == str(tmp_path / 'atlas.nii')
    assert settings.derivatives == {'q': tmp_path / 'q', 'r': tmp_path / 'r'}
    paths = [value for value in vars(settings).values() if isinstance(value, Path)]
    assert len(paths) == 6
    assert all(path.is_absolute() for path in paths)
    # A shipped model is not mistaken for a folder that has its name.
    assert to_settings(parser().parse_args(['raw', 'out', 'participant'])).model == 'default'


@pytest.mark.parametrize(
    ('level', 'options', 'says'),
    [
        ('group', ['--model', 'x'], '--model has no effect at the group level'),
        ('participant', ['--by', 'sex'], '--by has no effect at the participant level'),
        ('group', ['--by', 'sex', '--allow-mixed', '--dry-run'], None),
    ],
)
def test_an_option_of_the_other_level_is_not_ignored_in_silence(level, options, says):
    notes = notes_on_level(parser().parse_args(['raw', 'out', level, *options]))
    assert notes == ([f'{says}.'] if says else [])


def test_the_group_level_does_not_seem_to_choose_participants(tmp_path, capsys):
    assert main(['raw', str(tmp_path), 'group', '--participant-label', '01']) == 2
    assert '--participant-label has no effect at the group level' in capsys.readouterr().err


def test_damaged_weights(raw, tmp_path, refused):
    import shutil

    from deepmir_bids.model.model_registry import WEIGHTS, find_model
    from deepmir_bids.settings import DEFAULT_MODEL

    model = tmp_path / 'model'
    shutil.copytree(find_model(DEFAULT_MODEL), model)
    with (model / WEIGHTS).open('r+b') as file:
        file.seek(5000)
        file.write(b'damage')
    said = refused(raw, tmp_path / 'out', '--model', model)
    assert str(model / WEIGHTS) in said
    assert 'sha256' in said


def test_labels_may_have_their_prefix_and_swi_is_always_used():
    line = 'raw out participant --participant-label sub-01 02 --session-label ses-a --inputs t2w'
    options = parser().parse_args(line.split())
    settings = to_settings(options)
    assert settings.participant_label == ('01', '02')
    assert settings.session_label == ('a',)
    assert settings.inputs == ('swi', 't2w')


def test_settings_are_kept_as_toml():
    settings = to_settings(parser().parse_args(['raw', 'out', 'participant', '--min-volume', '2']))
    lines = settings.to_toml().splitlines()
    assert 'min_volume = 2.0' in lines
    assert 'operating_point = "balanced"' in lines
    assert not any(line.startswith('threshold_cmb') for line in lines)


def test_help_is_instant():
    """Nothing heavy is imported for it; the best of three runs, for a noisy machine."""
    took = []
    for _ in range(3):
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, '-m', 'deepmir_bids.cli.deepmir', '--help'], capture_output=True
        )
        took.append(time.perf_counter() - begin)
        assert done.returncode == 0
        assert b'exit status' in done.stdout
    assert min(took) < 0.5
