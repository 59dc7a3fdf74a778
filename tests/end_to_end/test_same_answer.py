"""The same images give the same results, with any number of processes and threads."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.slow


def text_of(table):
    """A table or sidecar; which run it is of is left out."""
    lines = table.read_text().splitlines()
    return [line for line in lines if not line.strip().startswith('"Run": ')]


@pytest.mark.parametrize(
    ('processes', 'threads'),
    [
        (1, 1),
        pytest.param(2, 1, marks=pytest.mark.long),
        pytest.param(1, 2, marks=pytest.mark.long),
    ],
    ids=str,
)
def test_results_do_not_depend_on_processes_and_threads(
    one_subject, one_run, tmp_path, deepmir, processes, threads
):
    """Compared with a run of two processes, of which each step may have two threads."""
    options = ['--nprocs', str(processes), '--omp-nthreads', str(threads)]
    done = deepmir(one_subject, tmp_path, '--sloppy', *options)
    assert done.status == one_run.status == 0, done.said
    before, after = (run.out_dir / 'sub-01' / 'anat' for run in (one_run, done))
    names = sorted(path.name for path in before.iterdir())
    assert names == sorted(path.name for path in after.iterdir())
    images = [name for name in names if name.endswith('.nii.gz')]
    tables = [name for name in names if name.endswith(('.tsv', '.json'))]
    assert len(images) >= 10
    assert len(tables) >= 10
    for name in images:
        first, second = (nib.load(folder / name) for folder in (before, after))
        np.testing.assert_array_equal(first.affine, second.affine)
        np.testing.assert_array_equal(first.get_fdata(), second.get_fdata(), err_msg=name)
    for name in tables:
        first, second = (text_of(folder / name) for folder in (before, after))
        assert first == second, name
