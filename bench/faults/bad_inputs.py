"""Inputs as nobody should give them, through the command: a sentence, and the others go on."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.cli import deepmir
from deepmir_bids.data import load as load_data
from deepmir_bids.model.model_registry import CARD, WEIGHTS
from faults.commands import Command
from faults.watching import keep

_RANDOM = np.random.default_rng(5)
_SHAPE = (24, 24, 20)
_POINTS = np.linalg.norm(
    np.indices(_SHAPE) - np.array([11.5, 11.5, 9.5])[:, None, None, None], axis=0
)
_VALUES = np.where(_POINTS < 9, _RANDOM.normal(300, 8, _SHAPE), abs(_RANDOM.normal(0, 4, _SHAPE)))


def _image(values=_VALUES, affine=None, code: int = 1) -> bytes:
    affine = np.diag([8.0, 8.0, 8.0, 1.0]) if affine is None else affine
    image = nib.Nifti1Image(np.asarray(values, dtype=np.float32), affine)
    image.set_qform(affine, code=code)
    image.set_sform(affine, code=code)
    return image.to_bytes()


SOUND = _image()
_ZIPPED = gzip.compress(SOUND)


def _with(offset: int, value: bytes, content: bytes = SOUND) -> bytes:
    return content[:offset] + value + content[offset + len(value) :]


def _shape(*sizes: int) -> bytes:
    return _with(40, np.array([len(sizes), *sizes], dtype='<i2').tobytes())


def _links_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _no_permission(path: Path) -> None:
    path.write_bytes(_ZIPPED)
    path.chmod(0)


def _folder_without_permission(path: Path) -> None:
    path.parent.chmod(0)


def _name_of_bytes(path: Path) -> None:
    with open(os.fsencode(path.parent) + b'/sub-bytes\xff_swi.nii.gz', 'wb') as file:
        file.write(_ZIPPED)


#: A participant's SWI, as bytes (compressed here unless they begin so) or by what makes it.
IMAGES: dict[str, bytes | Callable[[Path], object]] = {
    'nowhere': _links_to('nowhere.nii.gz'),
    'circle': _links_to('sub-circle_swi.nii.gz'),
    'pipe': os.mkfifo,
    'folder': Path.mkdir,
    'forbidden': _no_permission,
    'closed': _folder_without_permission,
    'bytes': _name_of_bytes,
    'empty': lambda path: path.touch(),
    'text': lambda path: path.write_text('no image'),
    'cut': lambda path: path.write_bytes(_ZIPPED[: len(_ZIPPED) // 2]),
    'end': lambda path: path.write_bytes(_ZIPPED[:-9]),
    'checksum': lambda path: path.write_bytes(_ZIPPED[:-6] + bytes(2) + _ZIPPED[-4:]),
    'bit': lambda path: path.write_bytes(_with(9000, bytes([_ZIPPED[9000] ^ 4]), _ZIPPED)),
    'tail': lambda path: path.write_bytes(_ZIPPED + b'tail'),
    'header': SOUND[:200],
    'short': SOUND[:-5000],
    'huge': _shape(32767, 32767, 32767),
    'large': _shape(1000, 1000, 800),
    'negative': _shape(24, -24, 20),
    'flat': _shape(24, 24),
    'stack': _image(np.stack([_VALUES, _VALUES], -1)),
    'datatype': _with(70, b'\x77\x77'),
    'complex': _with(70, b'\x00\x07'),
    'magic': _with(344, b'abcd'),
    'offset': _with(108, np.float32(1e30).tobytes()),
    'nanoffset': _with(108, np.float32(np.nan).tobytes()),
    'slope': _with(112, np.float32(1e38).tobytes()),
    'infinite': _with(280, np.float32(np.inf).tobytes()),
    'nans': _image(_VALUES * np.nan),
    'zeros': _image(_VALUES * 0),
    'placeless': _image(code=0),
    'sheared': _image(affine=np.diag([8.0, 8, 8, 1]) + 6 * np.eye(4, k=1)),
    'zscored': _image((_VALUES - _VALUES.mean()) / _VALUES.std()),
    'inverted': _image(_VALUES.max() - _VALUES),
}


def archive(chance: random.Random, folder: Path) -> dict[str, int]:
    """Audit an archive in which each participant but one has an SWI of a kind, without root."""
    raw = _dataset(folder / 'raw')
    for label, made in IMAGES.items():
        path = raw / f'sub-{label}' / 'anat' / f'sub-{label}_swi.nii.gz'
        path.parent.mkdir(parents=True)
        if callable(made):
            made(path)
        else:
            path.write_bytes(gzip.compress(made))
    run = partial(_deepmir, folder, '--dry-run', '--nprocs', '2')
    command = Command(folder, run, powerless=True)
    try:
        said = command.end()
    finally:
        (raw / 'sub-closed' / 'anat').chmod(0o755)
    keep(command.status == 1, f'ended with {command.status}: {said}')
    _none_is_written(folder)
    lines = said.splitlines()
    begin = next(n for n, line in enumerate(lines) if 'units are ready' in line)
    # The last lines say of each participant what would become of it.
    reasons = {line.partition(':')[0]: line for line in lines[begin + 1 :]}
    keep('sub-sound' not in reasons, f'what is sound is refused: {reasons.get("sub-sound")}')
    wrong = [label for label in IMAGES if not _is_told(label, reasons.get(f'sub-{label}', ''))]
    keep(not wrong, f'not told: {[(label, reasons.get(f"sub-{label}")) for label in wrong]}')
    return {'participants of an archive': len(IMAGES)}


def _is_told(label: str, reason: str) -> bool:
    """Whether a line names the file and what is wrong with it, or that there is none."""
    file = f'sub-{label}_swi.nii.gz' in reason or f'/sub-{label}' in reason
    return reason.isprintable() and (file or 'no SWI found' in reason)


def _card(**changes) -> bytes:
    card = json.loads(load_data('models', 'default', CARD).read_text())
    return json.dumps(card | changes).encode()


def _model(folder: Path, card: bytes, weights: bytes = b'') -> list[str]:
    model = folder / 'model'
    model.mkdir()
    (model / CARD).write_bytes(card)
    (model / WEIGHTS).write_bytes(weights)
    return ['--model', str(model)]


def _file(option: str, name: str, content: bytes) -> Callable[[Path], list[str]]:
    def given(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return [option, str(folder / name)]

    return given


def _filter(content: bytes) -> Callable[[Path], list[str]]:
    return _file('--bids-filter-file', 'filter.json', content)


def _plugin(content: bytes) -> Callable[[Path], list[str]]:
    return _file('--use-plugin', 'plugin.yml', content)


def _labels(content: bytes) -> Callable[[Path], list[str]]:
    def given(folder: Path) -> list[str]:
        (folder / 'atlas.nii').write_bytes(_image(_POINTS < 3))
        (folder / 'labels.tsv').write_bytes(content)
        return ['--atlas', str(folder / 'atlas.nii'), '--atlas-labels', str(folder / 'labels.tsv')]

    return given


#: Options that end the command before it writes anything; a list, or what makes it and its files.
OPTIONS: list[list[str] | Callable[[Path], list[str]]] = [
    *map(
        _filter, (b'', b'[]', b'3', b'null', b'"swi"', b'{"swi": 3}', b'{"swi": {"suffix": {}}}')
    ),
    *map(_filter, (b'\xff\xfe', b'{' * 3000, b'[' * 100_000, b'{"bold": {}}')),
    *map(_plugin, (b'', b'3', b'plugin: x', b'plugin: MultiProc\nplugin_args: {n_procs: two}')),
    *map(_plugin, (b'plugin: MultiProc\nplugin_args: {n_procs: 0}', b'\t- :', b'\xff')),
    *map(_plugin, (b'plugin: !!python/object/apply:os.system [ls]', b'plugin: [MultiProc]')),
    *map(_labels, (b'', b'\xff\xfe', b'index\n1\n', b'index\tname\nx\ty\n', b'a\tb\n')),
    partial(_model, card=b''),
    partial(_model, card=b'[]'),
    partial(_model, card=b'\xff'),
    *(
        partial(_model, card=_card(**change))
        for change in (
            {'extent': 'x'},
            {'extent': 5},
            {'spacing_mm': [0, 1, 1]},
            {'margin_mm': 1e9},
            {},
        )
    ),
    ['--model', 'nowhere'],
    ['--template', '../../evil'],
    ['--atlas', 'nowhere.nii'],
    ['--participant-label', 'unknown'],
    ['--participant-label', '../evil'],
    ['--threshold-cmb', '2'],
    ['--nprocs', '-1'],
    ['--mem-gb', 'nan'],
    ['--device', 'abacus'],
    ['--inputs', 't1w'],
    ['--derivatives', 'qsm=/nowhere'],
    ['--report', '/nowhere/a.tsv'],
    ['--min-volume', '-3'],
    ['--operating-point', 'best'],
]


def option(chance: random.Random, folder: Path, number: int) -> str:
    """Give the command one of the bad options."""
    _dataset(folder / 'raw')
    given = OPTIONS[number % len(OPTIONS)]
    given = given(folder) if callable(given) else given
    command = Command(folder, partial(_deepmir, folder, '--dry-run', *given))
    said = command.end()
    keep(command.status == 2, f'{given} ended with {command.status}: {said}')
    sentence = said.splitlines()[-1] if said else ''
    keep(sentence.startswith('deepmir: '), f'{given}: {said!r}')
    keep(sentence.isprintable() and len(sentence) < 1000, f'{given}: {said!r}')
    keep(':' in sentence.removeprefix('deepmir: ') or '(' in sentence, f'no cure: {said!r}')
    keep(Path(given[1]).name in said or given[0] in said, f'names no file or option: {said!r}')
    _none_is_written(folder)
    return given[0]


def _deepmir(folder: Path, *options: str) -> int:
    places = [str(folder / 'raw'), str(folder / 'out'), 'participant']
    given = ['--work-dir', str(folder / 'work'), '--template', SPACE, '--atlas', 'builtin']
    return deepmir.main([*places, *given, *options])


def _dataset(raw: Path) -> Path:
    """A dataset with one participant whose SWI is sound."""
    anat = raw / 'sub-sound' / 'anat'
    anat.mkdir(parents=True)
    (raw / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    (anat / 'sub-sound_swi.nii.gz').write_bytes(_ZIPPED)
    return raw


def _none_is_written(folder: Path) -> None:
    written = [name for name in ('out', 'work') if (folder / name).exists()]
    keep(not written, f'wrote to {written}')
    keep(not any((folder / 'tmp').iterdir()), 'temporary files are left')
