"""Room on the disks: how much is asked for, and what is said when there is none."""

from __future__ import annotations

import logging
from collections import namedtuple
from unittest.mock import Mock

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.run_records import read_records
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cli import deepmir
from deepmir_bids.errors import UsageError
from deepmir_bids.imaging.large_volumes import count_voxels
from deepmir_bids.running import disk_room, nipype_run, participant_level, preflight
from deepmir_bids.running.disk_room import check_room
from deepmir_bids.running.nipype_plugins import Plugin
from deepmir_bids.settings import Settings

Usage = namedtuple('Usage', 'total used free')


@pytest.fixture
def unit(tmp_path):
    """A unit whose SWI has 5 million voxels, by its header."""
    path = tmp_path / 'swi.nii'
    header = nib.Nifti1Header()
    header.set_data_shape((256, 256, 80))
    path.write_bytes(header.binaryblock + bytes(4))
    return Unit('01', swi=path, qsm=path)


@pytest.fixture
def settings(tmp_path):
    """Settings of a run in this folder."""
    return Settings(tmp_path, tmp_path / 'out', tmp_path / 'work')


def full(*_, **__):
    raise OSError(28, 'No space left on device', '/scratch/file')


def test_room_is_asked_for_by_the_size_of_the_images(unit, settings, monkeypatch):
    def check(free_gb):
        monkeypatch.setattr(disk_room.shutil, 'disk_usage', lambda _: Usage(0, 0, free_gb * 1e9))
        check_room(settings, [unit])

    assert count_voxels(unit.swi) == 256 * 256 * 80
    check(0.7)
    with pytest.raises(UsageError, match=r'0.50 GB left on its disk, sub-01 needs about 0.6\d GB'):
        check(0.5)
    # What an earlier run left there is not needed again.
    kept = settings.work_dir / 'deepmir-1' / 'deepmir_wf' / unit.workflow_name / 'a.nii'
    kept.parent.mkdir(parents=True)
    np.memmap(kept, mode='w+', dtype='u1', shape=200_000_000).flush()
    check(0.5)


def test_a_damaged_header_is_told_elsewhere(tmp_path):
    (tmp_path / 'a.nii').write_bytes(b'x')
    assert count_voxels(tmp_path / 'a.nii') == 0


@pytest.mark.parametrize('where', ['choose_anatomy', 'start_output'])
def test_a_disk_that_is_full_is_a_sentence(settings, unit, monkeypatch, capsys, where):
    """Not a traceback; units that were begun are on record as failed."""
    monkeypatch.setattr(participant_level, 'collect_units', lambda _: [unit])
    monkeypatch.setattr(participant_level, 'configure_nipype', lambda *_: None)
    monkeypatch.setattr(preflight, 'check_settings', lambda _: None)
    monkeypatch.setattr(participant_level, 'choose_anatomy', lambda *_: Mock(note=''))
    monkeypatch.setattr(participant_level, where, full)
    places = [str(settings.bids_dir), str(settings.out_dir), 'participant']
    assert deepmir.main([*places, '--work-dir', str(settings.work_dir)]) == 1
    said = ''.join(capsys.readouterr())
    assert 'no room on the disk: make room and start again' in said
    assert '/scratch/file' in said
    if where == 'start_output':
        assert 'failed: sub-01: no room' in said
        (record,) = read_records(settings.out_dir)['sub-01']
        assert record.status == 'failed'


def test_a_graph_that_cannot_be_written_down_is_told_in_the_same_words(settings, unit, tmp_path):
    class Graph:
        run = staticmethod(full)

    found = nipype_run.execute(Graph(), settings, Plugin('Linear'), [unit], tmp_path)
    assert found['sub-01'].startswith('no room on the disk')


def test_a_log_without_room_lacks_lines_and_says_nothing(capsys):
    log = nipype_run.LogFile('/dev/full')
    log.emit(logging.LogRecord('deepmir', logging.INFO, 'a.py', 1, 'a line', None, None))
    assert ''.join(capsys.readouterr()) == ''
    log.emit(logging.LogRecord('deepmir', logging.INFO, 'a.py', 1, 'a %d line', ('x',), None))
    assert 'TypeError' in capsys.readouterr().err
