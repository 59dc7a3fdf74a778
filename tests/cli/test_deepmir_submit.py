"""deepmir-submit: what it refuses, and what it hands on."""

from __future__ import annotations

import pytest

from deepmir_bids.cli.deepmir_submit import main


@pytest.fixture
def submit(tmp_path, capsys):
    """Return a function that runs the command for two participants, and gives what it says."""
    raw = tmp_path / 'raw'
    for label in ('01', '02'):
        (raw / f'sub-{label}' / 'anat').mkdir(parents=True)
    (raw / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    (tmp_path / 'venv' / 'bin').mkdir(parents=True)
    (tmp_path / 'venv' / 'bin' / 'deepmir').touch()

    def run(*options: str, expect: int = 0) -> str:
        where = [] if {'--image', '--venv'} & set(options) else ['--venv', str(tmp_path / 'venv')]
        status = main([str(raw), str(tmp_path / 'out'), *where, *options])
        said = capsys.readouterr()
        assert status == expect, said
        return said.out + said.err

    return run


def test_the_scripts_are_written_and_named(submit, tmp_path):
    said = submit('--participant-label', 'sub-02', '--', '--operating-point', 'precise')
    assert '1 of 1 tasks to run' in said
    (folder,) = (tmp_path / 'out' / 'code').iterdir()
    assert f'bash {folder}/submit.sh' in said
    assert (folder / 'units.txt').read_text() == 'sub-02\n'
    assert '--operating-point precise' in (folder / 'participant.sh').read_text()
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'code', 'logs'}


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (['--venv', '/nowhere'], '--venv /nowhere has no bin/deepmir'),
        (['--image', '/nowhere.sif'], '--image /nowhere.sif is not a file'),
        (['--participant-label', '77'], 'no participant 77: it has 01, 02'),
        (['--', '--participant-label', '01'], 'give --participant-label to deepmir-submit'),
        (['--', '--nprocs', '4'], 'give --cpus to deepmir-submit'),
        (['--', '-w', '/scratch'], 'give --work-dir to deepmir-submit'),
        (['--', '--model', 'nothing'], 'No model "nothing"'),
        (['--', '--derivatives', 'qsm=/nowhere'], '/nowhere (qsm) is not a folder'),
    ],
)
def test_what_would_fail_in_every_task_is_refused_at_once(submit, tmp_path, options, says):
    said = submit(*options, expect=2)
    assert said.startswith('deepmir-submit: ')
    assert says in said
    assert not (tmp_path / 'out').exists()


def test_options_that_deepmir_does_not_know_are_refused(submit, tmp_path):
    with pytest.raises(SystemExit, match='2'):
        submit('--', '--no-such-option')
    assert not (tmp_path / 'out').exists()


def test_running_needs_slurm(submit, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert 'sbatch is not here' in submit('--run', expect=2)


def test_nothing_to_do_is_no_error(submit, tmp_path):
    assert 'Nothing to submit: of 2 tasks none failed, was killed' in submit('--failed')
    assert not (tmp_path / 'out').exists()


def test_files_in_the_options_are_bound(submit, tmp_path):
    (tmp_path / 'x.sif').touch()
    (tmp_path / 'qsm').mkdir()
    (tmp_path / 'filter.json').write_text('{}')
    options = ['--derivatives', f'qsm={tmp_path}/qsm', '--bids-filter-file']
    options += [f'{tmp_path}/filter.json', '--bids-database-dir', f'{tmp_path}/index']
    submit('--image', f'{tmp_path}/x.sif', '--bind', '/data/store', '--', *options)
    (script,) = (tmp_path / 'out' / 'code').glob('*/participant.sh')
    text = script.read_text()
    for path in ('raw', 'out', 'qsm', 'filter.json', 'index'):
        assert f'--bind {tmp_path}/{path}\n' in text
    assert '--bind /data/store\n' in text
    assert (tmp_path / 'index').is_dir()
