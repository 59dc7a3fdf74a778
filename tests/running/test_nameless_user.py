"""A user without an entry in passwd, without HOME, as ``singularity --containall`` has it."""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

import pytest

from deepmir_bids.running.nameless_user import with_home_and_name


@pytest.fixture
def unknown(monkeypatch, tmp_path):
    """The system does not know who runs this process."""

    def nobody(_):
        raise KeyError('uid not found')

    monkeypatch.setattr(pwd, 'getpwuid', nobody)
    for name in ('HOME', 'LOGNAME', 'USER', 'LNAME', 'USERNAME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))


def test_a_user_without_name_and_home_gets_both_for_a_time(unknown, tmp_path):
    with with_home_and_name():
        assert getpass.getuser() == f'uid{os.getuid()}'
        assert Path.home().parent == tmp_path
        (Path.home() / '.config').mkdir()
    assert list(tmp_path.iterdir()) == []
    assert 'HOME' not in os.environ


def test_a_user_who_has_them_keeps_them(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('LOGNAME', 'ada')
    with with_home_and_name():
        assert (getpass.getuser(), Path.home()) == ('ada', tmp_path)
    assert list(tmp_path.iterdir()) == []
