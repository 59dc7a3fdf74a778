"""What the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope='session')
def shared() -> Path:
    """Folder of the real images that are not part of the project."""
    folder = Path(os.environ.get('DEEPMIR_SHARED', REPOSITORY.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip('the shared data folder is absent')
    return folder
