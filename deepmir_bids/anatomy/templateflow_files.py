"""Files of a template: from the local TemplateFlow cache, else downloaded, else not at all.

The cache is read as a folder. TemplateFlow's client is imported only to download, since importing
it writes a skeleton of empty files into its home, and only when its server answers within seconds,
so that a machine without network loses no time. What imports it anyway does so
`without_templateflow_home`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from deepmir_bids.errors import InputError

SERVER = 'https://templateflow.s3.amazonaws.com'
#: Longest wait for the server's first answer, and for each read of a download, in seconds.
ANSWER_S, READ_S = 4, 30

#: File by what it is: the end of its name, and the client's query for it.
FILES: dict[str, tuple[str, dict[str, str | None]]] = {
    't1w head': ('T1w', {'suffix': 'T1w', 'desc': None}),
    't1w brain': ('desc-brain_T1w', {'suffix': 'T1w', 'desc': 'brain'}),
    't2w head': ('T2w', {'suffix': 'T2w', 'desc': None}),
    'brain mask': ('desc-brain_mask', {'suffix': 'mask', 'desc': 'brain'}),
    'HOSPA': (
        'atlas-HOSPA_desc-th25_dseg',
        {'atlas': 'HOSPA', 'desc': 'th25', 'suffix': 'dseg'},
    ),
}
#: What a template must have; a T2w is only welcome.
REQUIRED = ('t1w head', 't1w brain', 'brain mask')


def home() -> Path:
    """TemplateFlow's home, without importing TemplateFlow."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get('TEMPLATEFLOW_HOME') or user_cache_dir('templateflow')).absolute()


@contextlib.contextmanager
def without_templateflow_home() -> Iterator[None]:
    """Let TemplateFlow be imported without its home, which may be read-only, or shared by many.

    To the client, a folder with anything in it is a home: it adds nothing, and finds no template.
    """
    before = os.environ.get('TEMPLATEFLOW_HOME')
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'README').touch()
        os.environ['TEMPLATEFLOW_HOME'] = folder
        try:
            yield
        finally:
            del os.environ['TEMPLATEFLOW_HOME']
            if before is not None:
                os.environ['TEMPLATEFLOW_HOME'] = before


def in_home(template: str) -> bool:
    """Whether TemplateFlow's home holds a file of a template; its skeleton's files are empty."""
    files = (home() / f'tpl-{template}').rglob('*')
    return any(path.is_file() and path.stat().st_size for path in files)


def known_templates() -> set[str]:
    """Names of the templates in TemplateFlow's home, and of those that its package lists."""
    local = {path.name.removeprefix('tpl-') for path in home().glob('tpl-*')}
    names = {name for name in local if in_home(name)}
    package = importlib.util.find_spec('templateflow')
    for folder in (package and package.submodule_search_locations) or ():
        for archive in Path(folder).glob('conf/*skel*.zip'):
            with zipfile.ZipFile(archive) as skeleton:
                folders = {name.split('/')[0] for name in skeleton.namelist()}
            names |= {name.removeprefix('tpl-') for name in folders if name.startswith('tpl-')}
    return names


def template_files(template: str, wanted: tuple[str, ...]) -> tuple[dict[str, Path], str]:
    """Paths of a template's files (keys of `FILES`) and, if some lack, one clause saying why.

    Resolution 2 is preferred, 1 taken where that is missing: all images of a template share one
    world, not one grid.
    """
    found = _local_files(template)
    missing = [name for name in wanted if name not in found]
    if not missing:
        return found, ''
    if not _server_answers():
        reason = 'TemplateFlow does not answer'
    else:
        reason = _download(template, missing)
        found = _local_files(template)
    missing = [name for name in wanted if name not in found]
    return found, f'{reason} and its cache lacks {", ".join(missing)}' if missing else ''


def _local_files(template: str) -> dict[str, Path]:
    folder = home() / f'tpl-{template}'
    found = {}
    for name, (ending, _) in FILES.items():
        for resolution in ('02', '2', '01', '1'):
            path = folder / f'tpl-{template}_res-{resolution}_{ending}.nii.gz'
            if _is_whole(path):
                found[name] = path
                break
    return found


def _is_whole(path: Path) -> bool:
    """Whether an image can be read to its end: the cache's skeleton has files of no length."""
    from deepmir_bids.imaging.nifti_file import read_image

    try:
        read_image(path)
    except InputError:
        return False
    return True


def _server_answers() -> bool:
    import requests

    answers = []

    def ask():
        with contextlib.suppress(requests.RequestException):
            answers.append(requests.head(SERVER, timeout=ANSWER_S))

    # A thread, since a name server that keeps silent is not bound by the request's own timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_S)
    return bool(answers)


def _download(template: str, names: list[str]) -> str:
    """Download files; the reason why not, if so."""
    import requests

    silence = io.StringIO()
    try:
        with contextlib.redirect_stderr(silence), contextlib.redirect_stdout(silence):
            from templateflow.client import TemplateFlowClient

            client = TemplateFlowClient(root=home(), timeout=READ_S)
            for name in names:
                client.get(template, resolution=2, **FILES[name][1])
    except (requests.RequestException, OSError, RuntimeError, ValueError) as error:
        return f'TemplateFlow could not be downloaded ({type(error).__name__})'
    return 'TemplateFlow was asked'
