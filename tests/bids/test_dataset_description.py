"""What a dataset says of itself, and whose it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepmir_bids.bids.dataset_description import (
    check_dataset,
    check_ownership,
    describe_dataset,
)
from deepmir_bids.bids.output_files import RESULTS
from deepmir_bids.errors import UsageError


def test_what_is_not_bids_is_said(tmp_path):
    with pytest.raises(UsageError, match=r'no dataset_description\.json'):
        check_dataset(tmp_path)
    (tmp_path / 'dataset_description.json').write_text('{"Name": "x"}')
    with pytest.raises(UsageError, match='lacks BIDSVersion'):
        check_dataset(tmp_path)
    (tmp_path / 'dataset_description.json').write_text('null')
    with pytest.raises(UsageError, match='holds no JSON object'):
        check_dataset(tmp_path)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / 'dataset_description.json'
    path.write_text('{"Name": "x", "BIDSVersion": "1.9.0"}', encoding='utf-8-sig')
    check_dataset(tmp_path)


def test_the_root_describes_every_result(tmp_path):
    describe_dataset(tmp_path / 'out', {'raw': tmp_path}, citation='Cite it.\n')
    described = (tmp_path / 'out' / 'descriptions.tsv').read_text().splitlines()[1:]
    labels = {line.split('\t')[0] for line in described}
    assert labels == {f'desc-{r.entities["desc"]}' for r in RESULTS if 'desc' in r.entities}
    readme = (tmp_path / 'out' / 'README.md').read_text()
    assert all(result.text in readme for result in RESULTS)


def test_a_folder_is_ours_if_it_is_new_empty_or_made_by_deepmir(tmp_path):
    out = tmp_path / 'out'
    check_ownership(out)
    out.mkdir()
    check_ownership(out)
    for name in ('logs', 'code', '.git', '.datalad'):
        (out / name).mkdir()
    check_ownership(out)
    describe_dataset(out, {'raw': tmp_path}, citation='')
    (out / 'sub-01').mkdir()
    check_ownership(out)


@pytest.mark.parametrize(
    'description',
    [
        None,
        'not json',
        'null',
        '[]',
        '{"GeneratedBy": null}',
        '{"GeneratedBy": ["deepmir"]}',
        json.dumps({'GeneratedBy': [{'Name': 'fMRIPrep'}]}),
    ],
)
def test_what_another_tool_made_is_not_ours(tmp_path, description):
    (tmp_path / 'sub-01').mkdir()
    if description is not None:
        (tmp_path / 'dataset_description.json').write_text(description)
    maker = 'fMRIPrep' if description and 'fMRIPrep' in description else 'somebody else'
    with pytest.raises(UsageError, match=f'holds what {maker} made'):
        check_ownership(tmp_path)


def test_one_file_is_enough_to_be_somebody_elses(tmp_path):
    Path(tmp_path, 'notes.txt').touch()
    with pytest.raises(UsageError, match='choose a folder that is new or empty'):
        check_ownership(tmp_path)
