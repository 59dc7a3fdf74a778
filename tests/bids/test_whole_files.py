"""Files that are there completely, or not at all."""

from __future__ import annotations

import pytest

from deepmir_bids.bids.whole_files import make_once, write_whole


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
    with pytest.raises(OSError, match='No space left'):
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
