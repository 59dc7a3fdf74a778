"""The command deepmir-evaluate; what it counts is tested in tests/evaluation."""

import subprocess
import sys

import pandas as pd
import pytest

from deepmir_bids.cli import deepmir_evaluate


@pytest.fixture
def folders(tmp_path):
    for name in ('truth', 'deepmir'):
        (tmp_path / name).mkdir()
    return [str(tmp_path / 'truth'), str(tmp_path / 'deepmir'), '--out', str(tmp_path / 'out')]


def test_unusable_input_is_one_sentence_and_leaves_nothing(folders, tmp_path, capsys):
    assert deepmir_evaluate.main(folders) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith('deepmir-evaluate: ')
    assert said.endswith('.')
    assert 'Traceback' not in said
    assert not (tmp_path / 'out').exists()


def test_an_earlier_evaluation_is_not_overwritten(folders, tmp_path, capsys):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'summary.tsv').write_text('mine')
    assert deepmir_evaluate.main(folders) == 2
    assert 'not an empty folder' in capsys.readouterr().err


def test_an_unknown_rule_is_wrong_usage(folders):
    with pytest.raises(SystemExit) as stop:
        deepmir_evaluate.main([*folders, '--rule', 'mine'])
    assert stop.value.code == 2


def test_headline_has_a_line_for_each_class():
    measures = ['TP', 'FP', 'FN', 'sensitivity', 'precision', 'F1', 'FP_per_subject', 'count_r']
    rows = [
        {'rule': rule, 'class': name, 'measure': measure, 'pooled': value}
        for rule, value in (('deepmir', 0.25), ('valdo', 0.75))
        for name in ('CMB', 'iron')
        for measure in measures
    ]
    lines = deepmir_evaluate.headline(pd.DataFrame(rows)).splitlines()
    assert [line.split()[0] for line in lines] == ['class', 'CMB', 'iron']
    assert '0.25' in lines[1]
    assert '0.75' not in lines[1]


def test_help_imports_nothing_heavy():
    code = (
        'import sys\n'
        'from deepmir_bids.cli.deepmir_evaluate import main\n'
        'try:\n    main(["--help"])\nexcept SystemExit:\n    pass\n'
        'sys.exit(any(m in sys.modules for m in ("numpy", "pandas", "matplotlib", "nibabel")))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, check=False)
    assert done.returncode == 0
