"""Small simulated datasets, and the real command run on them."""

from __future__ import annotations

import atexit
import functools
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.anatomy.template_choice import BUILTIN_ATLAS, find_anatomy
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

REPOSITORY = Path(__file__).parents[2]


@functools.cache
def builtin_anatomy() -> Path:
    """Folder of the images of the built-in anatomy."""
    folder = Path(tempfile.mkdtemp(prefix='deepmir-anatomy-'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    find_anatomy(SPACE, BUILTIN_ATLAS, folder)
    return folder


@dataclass(frozen=True)
class Done:
    """A run of the command that has ended; ``left`` is what lies in its temporary folder."""

    status: int
    said: str
    out_dir: Path
    work_dir: Path
    left: list[Path]
    seconds: float


@pytest.fixture(scope='session')
def deepmir(compute_node) -> Callable[..., Done]:
    """Return a function that runs the command as a user would, without a network.

    In one process: the tests themselves run side by side.
    """

    def run(bids_dir: Path, folder: Path, *options: str) -> Done:
        out, work = folder / 'out', folder / 'work'
        if not work.exists():
            # The built-in anatomy is the same for all, and takes seconds to make.
            shutil.copytree(builtin_anatomy(), work / 'anatomy')
        temporary = folder / 'tmp'
        temporary.mkdir(exist_ok=True)
        begin = time.perf_counter()
        command = [sys.executable, '-m', 'deepmir_bids.cli.deepmir', bids_dir, out, 'participant']
        done = subprocess.run(
            [*map(str, command), '--work-dir', str(work), '--nprocs', '1', *options],
            env={**compute_node(folder / 'home'), 'TMPDIR': str(temporary)},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begin
        said = done.stdout + done.stderr
        return Done(done.returncode, said, out, work, sorted(temporary.rglob('*')), seconds)

    return run


@pytest.fixture(scope='session')
def offline(compute_node) -> Callable[..., subprocess.Popen]:
    """Return a function that starts another command of deepmir in the same surroundings."""

    def start(module: str, *arguments: str | Path, work_dir: Path) -> subprocess.Popen:
        if not work_dir.exists():
            shutil.copytree(builtin_anatomy(), work_dir / 'anatomy')
        return subprocess.Popen(
            [sys.executable, '-m', f'deepmir_bids.cli.deepmir_{module}', *map(str, arguments)],
            env=compute_node(work_dir / 'home'),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.fixture(scope='session')
def one_subject(one_run) -> Path:
    """A dataset of one participant with all images; nobody may change it."""
    return one_run.out_dir.parents[1] / 'bids'


@pytest.fixture(scope='session')
def one_run(tmp_path_factory, worker_id, subject, deepmir) -> Done:
    """The finished run on it, made once for all workers; nobody may change its outputs."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == 'master' else base.parent) / 'one'
    kept = folder / 'done.pkl'
    with FileLock(f'{folder}.lock'):
        if not kept.exists():
            create_dataset(folder / 'bids')
            write_subject(folder / 'bids', '01', subject(11))
            done = deepmir(folder / 'bids', folder / 'run', '--sloppy', '--nprocs', '2')
            kept.write_bytes(pickle.dumps(done))
        return pickle.loads(kept.read_bytes())


@pytest.fixture(scope='session')
def open_page() -> Callable:
    """Return a function that opens a file in Chromium, and fails if the page calls or complains.

    It takes the file, the width of the window, its colour scheme, and whether there is WebGL.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which('chromium')
    assert chromium, 'Chromium is not installed'
    gpu = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader']

    @contextmanager
    def opened(file: Path, width: int = 1200, scheme='light', *, webgl=True) -> Iterator:
        complaints = []

        def on_request(request):
            if not request.url.startswith(('file:', 'data:', 'blob:')):
                complaints.append(f'calls {request.url}')

        def on_console(message):
            if message.type in ('error', 'warning') and 'GPU stall' not in message.text:
                complaints.append(message.text)

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium,
                args=['--no-sandbox', *(gpu if webgl else ['--disable-3d-apis'])],
            )
            window = {'width': width, 'height': 900}
            page = browser.new_page(viewport=window, color_scheme=scheme)
            page.on('request', on_request)
            page.on('console', on_console)
            page.on('pageerror', lambda error: complaints.append(str(error)))
            page.goto(file.as_uri())
            yield page
            browser.close()
        assert complaints == []

    return opened


@pytest.fixture(scope='session')
def check_access() -> Callable:
    """Return a function that looks for serious faults of accessibility on a page (axe-core)."""
    axe = REPOSITORY / 'node_modules' / 'axe-core' / 'axe.min.js'
    assert axe.is_file(), 'axe-core is not installed: npm install axe-core'

    def check(page) -> None:
        page.evaluate(axe.read_text())
        found = page.evaluate('axe.run()')['violations']
        serious = [
            f'{one["id"]}: {one["help"]} ({one["nodes"][0]["html"][:200]})'
            for one in found
            if one['impact'] in ('serious', 'critical')
        ]
        assert serious == []

    return check
