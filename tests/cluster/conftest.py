"""Raw datasets by their folders, and what deepmir recorded of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deepmir_bids.bids.output_files import results_of
from deepmir_bids.bids.run_records import Record, make_run_folder, write_records


@pytest.fixture
def raw(tmp_path) -> Callable[..., Path]:
    """Return a function that makes a raw dataset with these folders; spaces in its path."""

    def make(*folders: str) -> Path:
        root = tmp_path / 'raw data'
        for folder in folders:
            (root / folder).mkdir(parents=True)
        (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
        return root

    return make


@pytest.fixture
def recorded(tmp_path) -> Callable[..., Path]:
    """Return a function that records units in an output folder; done ones have results."""

    def record(**status: str) -> Path:
        out = tmp_path / 'the outputs'
        units = {
            name.replace('sub', 'sub-', 1).replace('ses', 'ses-'): s for name, s in status.items()
        }
        write_records(make_run_folder(out / 'logs'), [Record.of(*unit) for unit in units.items()])
        for label in (label for label, state in units.items() if state == 'done'):
            folder = out.joinpath(*label.split('_')) / 'anat'
            folder.mkdir(parents=True)
            for result in results_of(['swi']):
                (folder / f'{label}{result.ending_of("T", "X")}').touch()
        return out

    return record
