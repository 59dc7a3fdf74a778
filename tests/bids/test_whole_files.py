"""Files that are there completely, or not at all."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context

import pytest

from deepmir_bids.bids.living_process import mark
from deepmir_bids.bids.whole_files import make_once, sweep, write_whole


def contents(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob('*') if p.is_file()}


def test_write_whole_leaves_nothing_beside(tmp_path):
    write_whole(tmp_path / 'new' / 'a.txt', 'x\n')
    write_whole(tmp_path / 'new' / 'a.txt', 'y\n')
    assert contents(tmp_path) == {'new/a.txt': 'y\n'}


def test_write_whole_leaves_nothing_of_what_failed(tmp_path, monkeypatch):
    write_whole(tmp_path / 'a.txt', 'x')
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / 'a.txt', 'half of it \ud800')

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('pathlib.Path.replace', full)
    with pytest.raises(OSError, match=rf'No space left on device: .{tmp_path}/a.txt'):
        write_whole(tmp_path / 'a.txt', 'y')
    assert contents(tmp_path) == {'a.txt': 'x'}


def test_make_once_leaves_nothing_of_what_failed(tmp_path):
    def fail(folder):
        (folder / 'half').touch()
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        make_once(tmp_path / 'made', fail)
    assert list(tmp_path.iterdir()) == []
    assert make_once(tmp_path / 'made', lambda folder: (folder / 'all').touch()).is_dir()
    make_once(tmp_path / 'made', fail)


def _die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def _die_while_writing(folder):
    os.replace = os.rename = _die
    write_whole(folder / 'a.txt', 'x')


def _die_while_making(folder):
    make_once(folder / 'made', _die)


def test_what_a_killed_process_left_is_swept(tmp_path):
    for die in (_die_while_writing, _die_while_making):
        process = get_context('fork').Process(target=die, args=(tmp_path,))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    kept = ['.bidsignore', f'.a.txt.{mark()}.xy', '.a.txt.00000000-12-345.xy']
    for name in kept:
        (tmp_path / name).touch()
    old = tmp_path / '.b.txt.00000000-12-345.xy'
    old.touch()
    os.utime(old, (1, 1))
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
