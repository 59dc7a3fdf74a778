"""The Boutiques descriptor is one, and says what the command takes."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from boutiques import bosh
from boutiques.invocationSchemaHandler import InvocationValidationError
from boutiques.validator import DescriptorValidationError

from deepmir_bids.cli.deepmir import parser

ROOT = Path(__file__).parents[1]
FILE = ROOT / 'deepmir.json'

INVOCATION = {
    'bids_dir': 'bids',
    'out_dir': 'derivatives/deepmir',
    'analysis_level': 'participant',
    'participant_label': ['01', '02'],
    'inputs': ['swi', 'qsm'],
    'threshold_cmb': 0.5,
    'work_dir': 'work',
    'nprocs': 2,
    'sloppy': True,
}


def simulate(folder: Path, **changes):
    """Let Boutiques turn the invocation, with changes, into a command."""
    path = folder / 'invocation.json'
    path.write_text(json.dumps({**INVOCATION, **changes}))
    return bosh(['exec', 'simulate', str(FILE), '-i', str(path)]).shell_command


def test_it_is_made_from_the_options():
    made = runpy.run_path(str(ROOT / 'bench' / 'descriptor.py'))['text']()
    assert FILE.read_text(encoding='utf-8') == made, 'make it anew: python bench/descriptor.py'


def test_boutiques_finds_it_valid(tmp_path):
    bosh(['validate', str(FILE)])
    broken = json.loads(FILE.read_text(encoding='utf-8'))
    broken['inputs'][0]['type'] = 'Folder'
    (tmp_path / 'broken.json').write_text(json.dumps(broken))
    with pytest.raises(DescriptorValidationError, match='Folder'):
        bosh(['validate', str(tmp_path / 'broken.json')])


def test_deepmir_understands_the_command_of_an_invocation(tmp_path):
    command, *arguments = simulate(tmp_path).split()
    parsed = vars(parser().parse_args(arguments))
    assert command == 'deepmir'
    for name, value in INVOCATION.items():
        assert parsed[name] == (Path(value).absolute() if name.endswith('_dir') else value)


@pytest.mark.parametrize(
    'wrong', [{'threshold_cmb': 1}, {'nprocs': 0}, {'inputs': ['dwi']}, {'analysis_level': 'run'}]
)
def test_what_deepmir_refuses_is_refused(tmp_path, wrong):
    with pytest.raises(InvocationValidationError):
        simulate(tmp_path, **wrong)
