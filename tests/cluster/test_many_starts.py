"""Two hundred tasks of an array begin at once, and write to one output folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from deepmir_bids.bids.run_records import read_participants, read_records

TASKS = 200
START_MANY = Path(__file__).with_name('start_many.py')


@pytest.mark.long
def test_two_hundred_tasks_may_start_at_once(tmp_path):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    labels = [f'{n:03d}' for n in range(TASKS)]
    for label in labels:
        (raw / f'sub-{label}' / 'anat').mkdir(parents=True)
        (raw / f'sub-{label}' / 'anat' / f'sub-{label}_T2w.nii.gz').touch()
    (raw / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    rows = ''.join(f'sub-{label}\t{20 + int(label)}\n' for label in labels)
    (raw / 'participants.tsv').write_text(f'participant_id\tage\n{rows}')

    command = [sys.executable, str(START_MANY), str(tmp_path), *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    statuses = done.stdout.splitlines()[-1].split()
    # None has an SWI: each is skipped, with a word on it.
    assert Counter(statuses) == {'1': TASKS}, done.stderr

    assert {path.name for path in out.iterdir()} == {
        *('dataset_description.json', '.bidsignore', 'README.md', 'CITATION.md'),
        *('descriptions.tsv', 'logs'),
    }
    description = json.loads((out / 'dataset_description.json').read_text())
    assert description['DatasetType'] == 'derivative'
    assert (out / '.bidsignore').read_text().startswith('*.html\n')
    assert (out / 'CITATION.md').read_text().strip()
    logs = [(log / 'settings.toml').read_text() for log in (out / 'logs').iterdir()]
    assert len(logs) == TASKS
    assert sum(f'"{label}"' in text for label in labels for text in logs) == TASKS
    records = read_records(out)
    assert list(map(records.get, ['sub-000', 'sub-199'])) != [None, None]
    assert Counter(record.status for (record,) in records.values()) == {'skipped': TASKS}
    kept = read_participants(out).rows
    assert {label: row['age'] for label, row in kept.items()} == {
        f'sub-{label}': str(20 + int(label)) for label in labels
    }
