"""What an installed package brings along."""

from __future__ import annotations

import configparser
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_every_data_file_is_installed():
    config = configparser.ConfigParser()
    config.read(REPOSITORY / 'setup.cfg')
    patterns = config['options.package_data']['deepmir_bids.data'].split()
    folder = REPOSITORY / 'data'
    installed = {path for pattern in patterns for path in folder.glob(pattern)}
    files = {p for p in folder.rglob('*') if p.is_file() and p.suffix not in ('.py', '.pyc')}
    assert files
    assert files <= installed


def test_every_package_is_installed():
    config = configparser.ConfigParser()
    config.read(REPOSITORY / 'setup.cfg')
    listed = set(config['options']['packages'].split())
    folders = {path.parent for path in (REPOSITORY / 'deepmir_bids').rglob('__init__.py')}
    packages = {'.'.join(path.relative_to(REPOSITORY).parts) for path in folders}
    assert packages | {f'deepmir_bids.{n}' for n in ('workflows', 'interfaces', 'data')} == listed
