"""What is known of a run before it starts."""

import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from made_outputs import draw_lesions, write_unit

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.bids.run_records import read_participants, read_records
from deepmir_bids.bids.unit_locks import UnitLocks
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cli import deepmir
from deepmir_bids.model.keras_import import import_keras
from deepmir_bids.model.network_choice import build
from deepmir_bids.running import participant_level
from deepmir_bids.running.participant_level import record
from deepmir_bids.running.units_to_run import unsuited
from deepmir_bids.settings import Settings


@pytest.fixture
def authors(tmp_path, write_keras) -> Path:
    """Folder of a model that needs SWI and QSM."""
    write_keras(tmp_path / 'a.h5', build('DeepMIR2D', {'inputs': 2, 'outputs': 3, 'width': 2}))
    import_keras(tmp_path / 'a.h5', tmp_path / 'authors', ('swi', 'qsm'))
    return tmp_path / 'authors'


def test_units_without_what_the_model_needs_fail_at_once(tmp_path, authors):
    settings = Settings(tmp_path, tmp_path / 'out', tmp_path / 'work')
    whole = Unit('01', swi=Path('swi'), qsm=Path('qsm'))
    lacking = Unit('02', swi=Path('swi'), t2w=Path('t2w'))
    assert unsuited(settings, [whole, lacking]) == {}
    found = unsuited(replace(settings, model=str(authors)), [whole, lacking])
    assert list(found) == ['sub-02']
    assert found['sub-02'].startswith('The model "authors" needs swi, qsm, and there is no qsm')


def test_a_dry_run_tells_all_and_writes_nothing(tmp_path, authors, capsys):
    raw = tmp_path / 'raw'
    for name in ('01_swi', '01_T2w', '02_swi', '02_Chimap', '03_T2w'):
        image = raw / f'sub-{name[:2]}' / 'anat' / f'sub-{name}.nii.gz'
        image.parent.mkdir(parents=True, exist_ok=True)
        image.touch()
    (raw / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    command = [str(raw), str(tmp_path / 'out'), 'participant', '--dry-run']
    command += ['--template', SPACE, '--atlas', 'builtin', '--work-dir', str(tmp_path / 'work')]
    assert deepmir.main(command) == 1
    said = capsys.readouterr().out
    assert f'swi: {raw}/sub-01/anat/sub-01_swi.nii.gz' in said
    assert f'qsm: {raw}/sub-02/anat/sub-02_Chimap.nii.gz' in said
    assert 'skipped: no SWI found' in said
    assert 'steps of sub-01' in said
    assert 'predict' in said
    assert f'anatomy: {SPACE}, atlas builtin' in said

    assert deepmir.main([*command, '--model', str(authors)]) == 1
    said = capsys.readouterr().out
    assert 'skipped: The model "authors" needs swi, qsm' in said
    assert 'steps of sub-02' in said
    assert {path.name for path in tmp_path.iterdir()} == {'raw', 'a.h5', 'authors'}


def last_records(out_dir):
    return [records[-1] for records in read_records(out_dir).values()]


def test_the_record_of_a_run_knows_each_unit(tmp_path):
    units = [Unit('01', swi=Path('swi')), Unit('02', 'a', swi=Path('swi')), Unit('03')]
    before = {'sub-01': '0', 'sub-02_ses-a': '0'}
    record(tmp_path / 'logs' / '1', units, 'started', before=before)
    begun = last_records(tmp_path)
    assert [one.status for one in begun] == ['started', 'started', 'skipped']
    assert [one.results for one in begun] == ['0', '0', None]
    record(tmp_path / 'logs' / '1', units, 'done', {'sub-02_ses-a': 'no room'}, before)
    ended = last_records(tmp_path)
    assert [one.status for one in ended] == ['done', 'failed', 'skipped']
    assert [one.results for one in ended] == ['1', '0', None]
    assert [one.reason for one in ended] == [None, 'no room', units[2].skipped]


@pytest.mark.parametrize('reports_only', [False, True])
def test_a_run_is_on_record_from_its_beginning(tmp_path, monkeypatch, reports_only):
    units = [Unit(label, swi=Path('swi')) for label in ('01', '02', '03')]
    (tmp_path / 'participants.tsv').write_text('participant_id\tage\nsub-01\t60\nsub-09\t70\n')
    begun = []

    def execute(*_):
        begun.extend(last_records(tmp_path / 'out'))
        return {'sub-02': 'no room'}

    monkeypatch.setattr(participant_level, 'collect_units', lambda _: units)
    monkeypatch.setattr(participant_level, 'configure_nipype', lambda *_: None)
    monkeypatch.setattr(participant_level, 'choose_anatomy', lambda *_: Mock(note='built in'))
    monkeypatch.setattr(participant_level, 'prepare_reports', lambda *_: ({}, 'graph'))
    monkeypatch.setattr(
        participant_level, 'prepare_run', lambda *_: ({'sub-03': 'no QSM'}, 'graph')
    )
    monkeypatch.setattr(participant_level, 'execute', execute)
    settings = Settings(tmp_path, tmp_path / 'out', tmp_path / 'work', reports_only=reports_only)
    assert participant_level.run_participants(settings) == 1
    ended = last_records(tmp_path / 'out')
    if reports_only:
        assert begun == ended == []
        return
    assert {one.status for one in begun} == {'started'}
    assert [one.status for one in ended] == ['done', 'failed', 'failed']
    assert ended[2].reason == 'no QSM'
    assert list(read_participants(tmp_path / 'out').rows) == ['sub-01']


def test_a_unit_that_another_run_works_on_is_left_to_it(tmp_path, monkeypatch, capsys):
    """Two runs in one work folder: the second does what is free, and has no record of the rest."""
    units = [Unit(label, swi=Path('swi')) for label in ('01', '02')]
    ran = []

    def run_units(settings, plugin, free):
        ran.extend(unit.label for unit in free)
        return {}

    monkeypatch.setattr(participant_level, 'collect_units', lambda _: units)
    monkeypatch.setattr(participant_level, 'run_units', run_units)
    monkeypatch.setattr(participant_level, 'WAIT_S', 0.1)
    settings = Settings(tmp_path, tmp_path / 'out', tmp_path / 'work')
    with UnitLocks(tmp_path / 'work' / '.deepmir') as other:
        other.take('sub-01')
        assert participant_level.run_participants(settings) == 1
    assert ran == ['sub-02']
    said = capsys.readouterr().out
    assert '1 of 2 units done' in said
    assert f'skipped: sub-01: process {os.getpid()} on ' in said
    assert list((tmp_path / 'work').iterdir()) == []
    assert participant_level.run_participants(settings) == 0


def test_a_table_that_is_none_costs_its_page_alone(tmp_path):
    out = tmp_path / 'out'
    for label in ('sub-01', 'sub-02', 'sub-03'):
        folder = write_unit(out, label, draw_lesions([], np.random.default_rng(0)))
        if label == 'sub-01':
            next(folder.glob('*_seg-builtin_dseg.tsv')).write_text('nothing')
        if label == 'sub-02':
            next(folder.glob('*desc-lesions_dseg.json')).write_text('{}')
    units = [Unit(label, swi=tmp_path / 'swi.nii') for label in ('01', '02', '03')]
    settings = Settings(tmp_path, out, tmp_path / 'work', reports_only=True)
    failed, workflow = participant_level.prepare_reports(settings, units, tmp_path)
    assert 'has no column index, name' in failed['sub-01']
    assert 'do not say its OperatingPoint' in failed['sub-02']
    assert {name.split('.')[0] for name in workflow.list_node_names()} == {'sub_03_wf'}
