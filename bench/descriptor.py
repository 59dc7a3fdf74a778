"""Write ``deepmir.json``, the Boutiques descriptor of both levels, from deepmir's options.

``python bench/descriptor.py`` writes the file anew, after a change to the command line. The schema
is Boutiques 0.5 (Glatard et al., GigaScience 2018;7:giy016).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from deepmir_bids import __version__
from deepmir_bids.cli.deepmir_options import DESCRIPTION, parser
from deepmir_bids.cli.option_types import (
    absolute_path,
    not_negative,
    positive,
    probability,
)

FILE = Path(__file__).parents[1] / 'deepmir.json'

#: Folders and files that deepmir makes: for Boutiques a file has to be there.
MADE = ('out_dir', 'work_dir', 'bids_database_dir', 'report')
#: What the command's own types of numbers stand for.
NUMBERS: dict[Any, dict[str, Any]] = {
    positive: {'integer': True, 'minimum': 1},
    probability: {
        'minimum': 0,
        'maximum': 1,
        'exclusive-minimum': True,
        'exclusive-maximum': True,
    },
    not_negative: {'minimum': 0},
}
#: Output, where it is, and what it is; those of one level are optional.
OUTPUTS = {
    'results': ('', 'Output dataset, BIDS-Derivatives'),
    'description': ('/dataset_description.json', 'What the output dataset is made of'),
    'participant_folders': ('/sub-*', 'Participants: masks, tables, images; and their pages'),
    'participants': ('/participants.tsv', 'Group level: a row for each unit'),
    'group_lesions': ('/group_lesions.tsv', 'Group level: all lesions'),
    'group_summary': ('/group_summary.tsv', 'Group level: prevalence, counts, quartiles'),
    'group_qc': ('/group_qc.tsv', 'Group level: quality of each unit'),
    'group_thresholds': ('/group_thresholds.tsv', 'Group level: thresholds from the reviews'),
    'group_page': ('/group.html', 'Group level: a page for readers'),
}
STATUS = {
    1: 'Some units failed or were skipped (the last lines say which, and why); others are done.',
    2: 'Wrong usage or unusable input; nothing was written.',
}


def descriptor() -> dict[str, Any]:
    """Return the descriptor, with an input for each argument of the command."""
    arguments = [a for a in parser()._actions if a.dest not in ('help', 'version')]
    inputs = [describe(argument) for argument in arguments]
    return {
        'name': 'deepmir',
        'tool-version': __version__,
        'schema-version': '0.5',
        'description': ' '.join(DESCRIPTION.split()),
        'author': 'The deepmir developers',
        'command-line': ' '.join(['deepmir', *(given['value-key'] for given in inputs)]),
        'inputs': inputs,
        'output-files': [
            {
                'id': name,
                'name': name.replace('_', ' '),
                'description': what,
                'path-template': f'[OUT_DIR]{place}',
                'list': '*' in place,
                'optional': name not in ('results', 'description'),
            }
            for name, (place, what) in OUTPUTS.items()
        ],
        'error-codes': [{'code': code, 'description': what} for code, what in STATUS.items()],
        'suggested-resources': {'cpu-cores': 2, 'ram': 4, 'walltime-estimate': 120},
        'tags': {'domain': ['neuroinformatics', 'mri'], 'bids-app': True},
    }


def describe(argument: argparse.Action) -> dict[str, Any]:
    """Describe an argument of the command as an input of Boutiques."""
    described: dict[str, Any] = {
        'id': argument.dest,
        'name': argument.dest.replace('_', ' '),
        'description': argument.help,
        'value-key': f'[{argument.dest.upper()}]',
        'optional': bool(argument.option_strings),
        'type': 'String',
    }
    if argument.option_strings:
        described['command-line-flag'] = argument.option_strings[-1]
    if argument.nargs == 0:
        described['type'] = 'Flag'
    elif argument.type is absolute_path and argument.dest not in MADE:
        described['type'] = 'File'
    elif argument.type in NUMBERS:
        described |= {'type': 'Number', **NUMBERS[argument.type]}
    if argument.choices:
        described['value-choices'] = list(argument.choices)
    if argument.nargs == '+':
        described['list'] = True
    return described


def text() -> str:
    """Return the descriptor as the file has it."""
    return json.dumps(descriptor(), indent=2, ensure_ascii=False) + '\n'


if __name__ == '__main__':
    FILE.write_text(text(), encoding='utf-8')
