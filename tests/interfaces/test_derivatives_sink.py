"""The data sink, which brings all of niworkflows along."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_its_import_leaves_a_home_of_templateflow_alone(tmp_path):
    """That home may be read-only; and a cluster's tasks would fill it all at once."""
    code = (
        'import deepmir_bids.interfaces.derivatives_sink, os; '
        'print(os.environ["TEMPLATEFLOW_HOME"])'
    )
    home = tmp_path / 'home'
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        env={**os.environ, 'TEMPLATEFLOW_HOME': str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(home)
    assert not home.exists()
