"""ANTs in a process of its own: the same result whatever the caller did before."""

import copy
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.anatomy import ants_images
from deepmir_bids.anatomy.affine_starts import register_linear
from deepmir_bids.anatomy.ants_process import AntsProcessError, run_in_ants_process
from deepmir_bids.anatomy.builtin_head import contrast_image, grow_head, tissue_maps
from deepmir_bids.anatomy.rigid_registration import register_rigid

#: N4 and rigid registration, after ANTs and torch were used with some number of threads.
PROGRAM = """
import hashlib, sys
import nibabel as nib, numpy as np
from deepmir_bids.threads import limit_threads
limit_threads(int(sys.argv[1]))
import torch
torch.set_num_threads(int(sys.argv[1]))
(torch.rand(200, 200) @ torch.rand(200, 200)).sum()
from deepmir_bids.anatomy.ants_process import run_in_ants_process
from deepmir_bids.anatomy.rigid_registration import register_rigid
from deepmir_bids.imaging.bias_field import correct_bias
t2w, swi = nib.load(sys.argv[2]), nib.load(sys.argv[3])
correct_bias(swi, sloppy=True)
corrected = run_in_ants_process(correct_bias, t2w, sloppy=True)
rigid = run_in_ants_process(register_rigid, corrected, swi)
print(hashlib.sha256(corrected.get_fdata().tobytes()).hexdigest(), rigid.matrix.tobytes().hex())
"""


@pytest.fixture(scope='module')
def images():
    """T2w and SWI of the built-in head, the T2w shaded and moved."""
    maps = grow_head(tissue_maps(4))
    t2w, swi = contrast_image(maps, 't2w'), contrast_image(maps, 'swi')
    shading = 1 + np.linspace(0, 1, t2w.shape[0], dtype=np.float32)[:, None, None]
    motion = np.eye(4)
    motion[:3, 3] = 5, -3, 4
    return nib.Nifti1Image(t2w.get_fdata(dtype=np.float32) * shading, motion @ t2w.affine), swi


@pytest.mark.slow
def test_threads_of_the_caller_do_not_matter(images, tmp_path):
    paths = [str(tmp_path / name) for name in ('t2w.nii', 'swi.nii')]
    for image, path in zip(images, paths, strict=True):
        nib.save(image, path)
    command = [sys.executable, '-c', PROGRAM]
    said = [subprocess.check_output([*command, n, *paths], text=True) for n in ('1', '2')]
    assert len(said[0].split()) == 2
    assert said[0] == said[1]


def test_the_child_has_one_thread_and_the_callers_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ('ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS', 'OMP_NUM_THREADS'):
        monkeypatch.setenv(name, '7')
        assert run_in_ants_process(os.getenv, name) == '1'
    assert run_in_ants_process(os.getcwd) == str(tmp_path)
    assert run_in_ants_process(os.getpid) != run_in_ants_process(os.getpid) != os.getpid()


def test_temporary_files_are_removed():
    kept = run_in_ants_process(tempfile.mkdtemp)
    assert kept.startswith(f'{tempfile.gettempdir()}/deepmir-ants-')
    assert not Path(kept).parent.exists()


@pytest.mark.slow
def test_registration_leaves_no_file_behind(images, monkeypatch, tmp_path):
    """Called directly, too."""
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    register_rigid(*images)
    assert list(tmp_path.iterdir()) == []


def test_transforms_lie_where_they_are_told(images, tmp_path):
    a, b = (ants_images.to_ants(one.get_fdata(), one.affine) for one in images)
    one, two = (register_linear('Rigid', a, b, (1,), 0.1, tmp_path) for _ in range(2))
    assert one != two
    assert Path(one).is_relative_to(tmp_path)


def test_images_arrive_as_they_are(tmp_path):
    """Scaled integers are not encoded anew, and the name for messages is kept."""
    stored = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    stored.header.set_slope_inter(0.123, 4.56)
    nib.save(stored, tmp_path / 'a.nii.gz')
    image = nib.load(tmp_path / 'a.nii.gz')
    image.set_filename('sub-01_T2w.nii.gz')
    moved = nib.Nifti1Image(image.dataobj, np.diag([2, 2, 2, 1]), image.header)
    for sent, name in ((image, 'sub-01_T2w.nii.gz'), (moved, None)):
        (got,) = run_in_ants_process(copy.copy, [sent])
        np.testing.assert_array_equal(got.get_fdata(), sent.get_fdata())
        np.testing.assert_array_equal(got.affine, sent.affine)
        assert got.get_filename() == name


def test_errors_keep_type_and_message():
    with pytest.raises(json.JSONDecodeError, match='Expecting value') as caught:
        run_in_ants_process(json.loads, 'x')
    assert 'in _outcome' in str(caught.value.__cause__)


def test_a_child_that_is_killed_is_an_error_and_the_next_call_works():
    with pytest.raises(AntsProcessError, match='for want of memory'):
        run_in_ants_process(signal.raise_signal, signal.SIGKILL)
    with pytest.raises(AntsProcessError, match='status 3'):
        run_in_ants_process(os._exit, 3)
    assert run_in_ants_process(abs, -1) == 1


def test_a_server_that_is_killed_is_an_error_and_the_next_call_works():
    server = run_in_ants_process(os.getppid)
    with pytest.raises(AntsProcessError, match='for want of memory'):
        run_in_ants_process(os.kill, server, signal.SIGKILL)
    assert run_in_ants_process(os.getppid) != server


@pytest.mark.slow
@pytest.mark.parametrize('method', ['fork', 'forkserver'])
def test_workers_have_servers_of_their_own_and_leave_none(method):
    own = run_in_ants_process(os.getppid)
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        servers = {pool.submit(run_in_ants_process, os.getppid).result() for _ in range(2)}
    assert own not in servers
    assert run_in_ants_process(os.getppid) == own
    assert all(_ends(server) for server in servers)


@pytest.mark.slow
@pytest.mark.parametrize('how', ['module', 'script', 'killed'])
def test_nothing_runs_on_when_the_caller_ends(tmp_path, how):
    """A script without a guard is not run again, and a child dies with its caller."""
    script = tmp_path / 'caller.py'
    call = 'time.sleep, 60' if how == 'killed' else 'os.getpid'
    script.write_text(
        'import os, time\n'
        'from deepmir_bids.anatomy.ants_process import run_in_ants_process as run\n'
        'print(run(os.getpid), run(os.getppid), flush=True)\n'
        f'run({call})\n'
    )
    command = ['-m', 'caller'] if how == 'module' else [str(script)]
    caller = subprocess.Popen(
        [sys.executable, *command],
        cwd=tmp_path,
        env={**os.environ, 'TMPDIR': str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    said = caller.stdout.readline().split()
    if how == 'killed':
        time.sleep(0.5)
        caller.kill()
    began = time.monotonic()
    assert caller.stdout.read() == ''  # at its end no process holds the pipe
    caller.wait()
    assert time.monotonic() - began < 10
    assert all(_ends(int(process)) for process in said)
    assert not list(tmp_path.glob('deepmir-ants-*'))


def _ends(process: int) -> bool:
    for _ in range(100):
        if not Path(f'/proc/{process}').exists() or _is_zombie(process):
            return True
        time.sleep(0.05)
    return False


def _is_zombie(process: int) -> bool:
    return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'


@pytest.mark.slow
def test_a_call_costs_little():
    run_in_ants_process(abs, -1)
    began = time.perf_counter()
    for _ in range(5):
        run_in_ants_process(abs, -1)
    assert (time.perf_counter() - began) / 5 < 0.5
