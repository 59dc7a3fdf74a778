"""Files as nobody should write them, and what deepmir may do with them: refuse them in a sentence.

Each `Reader` takes what Hypothesis makes of one kind of file, writes it into a folder, and reads
it as deepmir does. `run` sees to it that nothing but deepmir's own errors comes out, in a few
seconds, without memory that the file does not fill, and without a write elsewhere.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from hypothesis import strategies as st
from made_outputs import draw_lesions, write_unit

from deepmir_bids.bids.run_records import COLUMNS as RECORD
from deepmir_bids.data import load as load_data
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.model.model_registry import CARD, WEIGHTS

#: Of the processor's time, and of the clock's, which others' work may slow down.
MOST_S, MOST_CLOCK_S = 5.0, 60.0
#: Memory beyond so many times a file's size, and what libraries take for themselves, is not its.
MOST_TIMES, MOST_FREE_KB = 20, 60_000


class Hang(BaseException):
    """A reader took too long; no ``except Exception`` may swallow this."""


@dataclass(frozen=True)
class Reader:
    """A kind of file: how to make one, how deepmir reads it, and its share of a campaign."""

    name: str
    made: st.SearchStrategy
    read: Callable[[Path, Any], object]
    share: float


def run(reader: Reader, made: Any, folder: Path) -> None:
    """Read one file, and check what came of it; ``folder`` is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    # Deep enough for a name that leads up and out.
    inside = folder / 'a' / 'b' / 'c'
    inside.mkdir(parents=True)
    # The peak is not set back here, which would take longer than most readers do.
    before, begin = _memory_kb('VmHWM'), time.process_time()
    try:
        with _watched(folder):
            reader.read(inside, made)
    except (InputError, UsageError) as error:
        said = str(error)
        assert said.isprintable(), f'not one line of text: {said!r}'
        assert said.endswith(('.', ').')), f'no sentence: {said!r}'
        assert ':' in said or '(' in said, f'no cure: {said!r}'
    seconds, taken = time.process_time() - begin, _memory_kb('VmHWM') - before
    assert seconds < MOST_S, f'{seconds:.1f} s'
    sizes = sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
    assert taken < MOST_FREE_KB + MOST_TIMES * sizes / 1024, f'{taken} kB for {sizes} bytes'


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """Let nothing write outside a folder, and nothing take for ever."""

    def stop(*_):
        raise Hang(f'more than {MOST_CLOCK_S:g} s')

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOST_CLOCK_S)
    _allowed.append(os.path.realpath(folder))
    try:
        yield
    finally:
        _allowed.pop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_allowed: list[str] = []
#: What Python says before it changes a file, and how many paths come with it.
_CHANGES = {'os.mkdir': 1, 'os.rename': 2, 'os.remove': 1, 'os.rmdir': 1}


def _audit(event: str, arguments: tuple) -> None:
    if not _allowed:
        return
    # What a link points to is not changed.
    paths = arguments[1:2] if event == 'os.symlink' else arguments[: _CHANGES.get(event, 0)]
    if event == 'open' and isinstance(arguments[2], int):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        paths = arguments[:1] if writes else ()
    for path in paths:
        if isinstance(path, str | bytes | os.PathLike):
            real = os.path.realpath(os.fsdecode(path))
            if not real.startswith((_allowed[-1], '/dev/null')):
                raise Hang(f'{event} outside: {real}')


sys.addaudithook(_audit)


def forget_peak() -> None:
    """Count the peak of this process's memory from here; to be called before a campaign."""
    Path('/proc/self/clear_refs').write_text('5')


def _memory_kb(name: str) -> int:
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f'{name}:'))


# What files are made of.

NUMBERS = st.sampled_from(
    [
        0,
        1,
        -1,
        2,
        3,
        5,
        7,
        127,
        255,
        348,
        352,
        540,
        1000,
        1024,
        32767,
        32768,
        60000,
        -32768,
        2**31 - 1,
        2**31,
        2**63 - 1,
        2**63,
        1e-6,
        0.5,
        1e9,
        1e38,
        1e300,
        float('inf'),
        float('nan'),
    ]
)
WORDS = st.sampled_from(
    [
        '',
        'swi',
        'qsm',
        'T2w',
        'CMB',
        'iron',
        'n/a',
        'two',
        '../../evil',
        '/tmp/evil',
        'sub-01',
        'sub-..',
        '\ud800',
        '\x1b[31m',
        'a\tb',
        'x' * 300,
        'é',
        '١',
        'null',
        '-1',
        '1e999',
    ]
) | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
#: Where, and what stands there then.
EDITS = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6)


def edited(content: bytes, edits: list[tuple[int, int]], reach: int | None = None) -> bytes:
    """Put other bytes into a file, within its first ones if need be."""
    changed = bytearray(content)
    for place, value in edits if changed else ():
        changed[place % (reach or len(changed))] = value
    return bytes(changed)


@st.composite
def spoilt_text(draw, sound: str) -> bytes:
    """A text with lines, cells and bytes lost, doubled and changed."""
    lines = [line.split('\t') for line in sound.split('\n')]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        cell = draw(st.integers(0, max(len(lines[row]) - 1, 0)))
        what = draw(st.sampled_from(['cell', 'drop', 'double', 'column']))
        if what == 'cell' and lines[row]:
            lines[row][cell] = str(draw(WORDS | NUMBERS))
        elif what == 'double':
            lines.insert(row, list(lines[row]))
        elif what == 'drop' and len(lines) > 1:
            del lines[row]
        elif what == 'column' and lines[row]:
            del lines[row][cell]
    content = '\n'.join('\t'.join(line) for line in lines).encode(errors='surrogatepass')
    content = edited(content, draw(EDITS)) if draw(st.booleans()) else content
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


@st.composite
def spoilt_json(draw, sound: Any) -> bytes:
    """A JSON file in which some values are others', or which is none."""
    content = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(0, 3))):
        place = content
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(keys)))
            if not isinstance(place[key], dict | list) or draw(st.integers(0, 2)) == 0:
                place[key] = draw(JSON)
                break
            place = place[key]
    if draw(st.integers(0, 9)) == 0:
        content = draw(JSON)
    raw = json.dumps(content).encode()
    if draw(st.integers(0, 5)) == 0:
        raw = edited(raw, draw(EDITS))[: draw(st.integers(0, len(raw)))]
    return raw if draw(st.integers(0, 40)) else b'[' * draw(st.sampled_from([1, 900, 100_000]))


# Images.


@cache
def _sound_images() -> list[tuple[bytes, np.dtype]]:
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    kinds = (nib.Nifti1Image, nib.Nifti2Image)
    images = [kind(values.astype(dtype), np.eye(4)) for kind in kinds for dtype in ('i2', 'f4')]
    return [(image.to_bytes(), image.header.structarr.dtype) for image in images]


@st.composite
def images(draw) -> tuple[str, bytes]:
    """An image's name and bytes: fields of the header, bytes and the compression are changed."""
    raw, dtype = draw(st.sampled_from(_sound_images()))
    header = np.frombuffer(raw[: dtype.itemsize], dtype).copy()
    for name in draw(st.lists(st.sampled_from(list(dtype.names)), max_size=4)):
        field = header[name].reshape(-1)
        place = draw(st.integers(0, field.size - 1))
        if field.dtype.kind == 'S':
            field[place] = draw(st.binary(max_size=8))
            continue
        value = draw(NUMBERS)
        if field.dtype.kind != 'f':
            if not np.isfinite(value):
                continue
            value = np.int64(int(value) % 2**63).astype(field.dtype)
        with np.errstate(all='ignore'):
            field[place] = value
        header[name] = field.reshape(header[name].shape)
    raw = edited(header.tobytes() + raw[dtype.itemsize :], draw(EDITS), dtype.itemsize + 4)
    raw = raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 5)) == 0 else raw
    if draw(st.booleans()):
        return 'sub-01_swi.nii', raw
    zipped = gzip.compress(raw, 1)
    if draw(st.booleans()):
        zipped = edited(zipped, draw(EDITS))
        zipped = zipped[: draw(st.integers(0, len(zipped)))] + draw(st.binary(max_size=9))
    return 'sub-01_swi.nii.gz', zipped


def read_volume(folder: Path, made: tuple[str, bytes]) -> None:
    """As the first step of a unit does."""
    from deepmir_bids.imaging.image_content import load_magnitude

    path = folder / made[0]
    path.write_bytes(made[1])
    volume = load_magnitude(path)[0]
    assert np.isfinite(volume.affine).all()
    assert np.isfinite(volume.get_fdata()).all()


# Names.

NAMES = st.text(
    st.characters(codec='utf-8', exclude_characters='/\0') | st.sampled_from('\udcff\n_-.09'),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in ('.', '..') and len(os.fsencode(name)) < 200)
PIECES = st.sampled_from(
    [
        'sub-01',
        'ses-1',
        'acq-mIP',
        'rec-SWIpha',
        'part-phase',
        'run-1',
        'run-x',
        'desc-total',
        'echo-99999999999999999999',
        'run-' + '9' * 100,
        'swi',
        'T2starw',
        'Chimap',
        'T2w',
        'TW2',
    ]
)
FILES = st.builds(
    lambda pieces, end: '_'.join(pieces) + end,
    st.lists(PIECES | NAMES, min_size=1, max_size=5),
    st.sampled_from(['.nii.gz', '.nii', '.json', '', '/']),
).filter(lambda name: len(os.fsencode(name)) < 250)
TREES = st.lists(
    st.tuples(
        st.sampled_from(['sub-01', 'sub-02', 'sub-02/ses-1']) | NAMES.map('sub-{}'.format),
        st.sampled_from(['anat', 'swi', '.']) | NAMES,
        FILES,
        st.sampled_from(['file', 'file', 'pipe', 'nowhere', 'circle']),
    ),
    min_size=1,
    max_size=5,
)


def _plant(root: Path, tree: list[tuple[str, str, str, str]]) -> None:
    root.mkdir()
    (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    for subject, datatype, name, kind in tree:
        path = root / subject / datatype / name.rstrip('/')
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == 'pipe':
                os.mkfifo(path)
            elif kind == 'file':
                path.mkdir() if name.endswith('/') else path.touch()
            else:
                path.symlink_to('nowhere' if kind == 'nowhere' else '.')
        except OSError:  # two of one name, or too long
            continue


def read_names(folder: Path, tree: list) -> None:
    """As the start of a run does, without pybids."""
    from deepmir_bids.bids.input_candidates import objection, rank
    from deepmir_bids.bids.near_misses import name_near_misses, unreadable_part
    from deepmir_bids.bids.output_names import identify, is_of_run
    from deepmir_bids.bids.unit_of_work import Unit, find_units, unit_folder

    root = folder / 'raw'
    _plant(root, tree)
    for subject, session in find_units(root, (), ()):
        unit = Unit(subject, session)
        assert unit.label.isprintable()
        legal = 'no label' not in str(unit.skipped)
        assert unit.workflow_name.isidentifier() or not legal
        said = [str(unit.skipped), unreadable_part(unit_folder(root, unit.label))]
        said += name_near_misses('swi', [root], subject, session)
        assert all(text.isprintable() for text in said), said
    for _, _, name, _ in tree:
        entities = dict(piece.partition('-')[::2] for piece in name.split('_'))
        entities = {'acquisition': entities.get('acq', ''), 'suffix': name.split('_')[-1]}
        for kind in ('swi', 'qsm', 't2w'):
            objection(kind, entities, {})
            rank(kind, entities)
        identify(name, 'sub-01')
        is_of_run(name, 'sub-01', 'anat')


def read_dataset(folder: Path, tree: list) -> None:
    """As the start of a run does."""
    from deepmir_bids.bids.input_files import collect_units
    from deepmir_bids.settings import Settings

    _plant(folder / 'raw', tree)
    for unit in collect_units(Settings(folder / 'raw', folder / 'out', folder / 'work')):
        said = [unit.label, str(unit.skipped), *unit.notes, *map(str, unit.candidates)]
        assert all(text.isprintable() for text in said), said


# Settings, cards and weights.

QUERIES = {
    'swi': {'suffix': ['swi'], 'acquisition': 'x', 'run': 1, 'session': [None, '1']},
    'qsm': {'suffix': 'Chimap', 'desc': None},
    't2w': {'extension': ['.nii.gz']},
}
PLUGIN = 'plugin: MultiProc\nplugin_args:\n  n_procs: 2\n  memory_gb: 4\n  sbatch_args: x\n'


def queries() -> st.SearchStrategy:
    """Filter files; the dataset that they are asked of is indexed before any is read."""
    _layout()
    return spoilt_json(QUERIES)


@cache
def _layout():
    from deepmir_bids.bids.dataset_index import index_dataset, relevant_files

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / 'raw'
        _plant(root, [('sub-01', 'anat', 'sub-01_swi.nii.gz', 'file')])
        return index_dataset(root, relevant_files([{'suffix': ['swi', 'Chimap', 'T2w']}]), ())


def read_queries(folder: Path, made: bytes) -> None:
    """As the choice of inputs does."""
    from deepmir_bids.bids.dataset_index import relevant_files
    from deepmir_bids.bids.filter_file import load_queries

    path = folder / 'filter.json'
    path.write_bytes(made)
    wanted = load_queries(path)
    relevant_files(list(wanted.values()))
    for query in wanted.values():
        asked = {name: v for name, v in query.items() if name not in ('subject', 'session')}
        _layout().get(subject='01', invalid_filters='allow', **asked)


def read_plugin_file(folder: Path, made: bytes) -> None:
    """As the start of a run does."""
    from deepmir_bids.running.nipype_plugins import read_plugin

    path = folder / 'plugin.yml'
    path.write_bytes(made)
    arguments = read_plugin(path).arguments
    assert arguments.get('n_procs', 1) >= 1


def _card() -> dict[str, Any]:
    return json.loads(load_data('models', 'default', CARD).read_text())


def read_model_card(folder: Path, made: bytes) -> None:
    """As the start of a run does, and what is asked of a card later."""
    from deepmir_bids.model.model_registry import OPERATING_POINTS, find_model, read_card

    (folder / CARD).write_bytes(made)
    card = read_card(find_model(folder))
    for inputs in card.combinations:
        for point in OPERATING_POINTS:
            card.thresholds_for(inputs, point)
    assert 0 < card.extent < 1
    assert len(card.fingerprint) == 64


@cache
def _small_model() -> tuple[dict[str, Any], bytes]:
    import torch
    from safetensors.torch import save

    from deepmir_bids.model.network_choice import build

    torch.manual_seed(0)
    arguments = {'inputs': 3, 'classes': 2, 'features': [2, 2], 'fold': [1, 1, 1]}
    card = _card() | {'network': {'name': 'UNet3D', 'arguments': arguments}}
    state = build('UNet3D', arguments).state_dict()
    return card, save({key: value.contiguous() for key, value in state.items()})


@st.composite
def weights(draw) -> bytes:
    """A weights file: its header's length, its header, or its numbers are changed."""
    sound = _small_model()[1]
    length = int.from_bytes(sound[:8], 'little')
    if draw(st.booleans()):
        header = draw(spoilt_json(json.loads(sound[8 : 8 + length])))
        said = draw(st.sampled_from([len(header), len(header), 0, 1, 2**40, 2**63]))
        sound = said.to_bytes(8, 'little') + header + sound[8 + length :]
    return edited(sound, draw(EDITS), draw(st.sampled_from([8, length + 8, len(sound)])))


def read_weights(folder: Path, made: bytes) -> None:
    """As the detection does."""
    from deepmir_bids.model.model_registry import sha256
    from deepmir_bids.model.prediction import read_model

    (folder / WEIGHTS).write_bytes(made)
    card = _small_model()[0] | {'sha256': sha256(folder / WEIGHTS)}
    (folder / CARD).write_text(json.dumps(card))
    read_model(folder)


# Tables and what lies in an output folder.


@cache
def _unit() -> dict[str, str]:
    """Names and texts of what a finished unit with two lesions left; images are no text."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / 'raw' / 'out'
        kinds = [('CMB', 'lobar', 3.0), ('iron', 'deep', 6.0)]
        folder = write_unit(out, 'sub-01', draw_lesions(kinds, np.random.default_rng(0)))
        ends = ('.tsv', '.json')
        return {
            path.name: path.read_text() if path.name.endswith(ends) else ''
            for path in folder.iterdir()
        }


def _text(ending: str) -> str:
    return next(text for name, text in _unit().items() if name.endswith(ending))


def _review() -> str:
    from deepmir_bids.lesions.reader_review import COLUMNS

    lines = [line.split('\t') for line in _text('desc-lesions_dseg.tsv').splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    words = {'verdict': 'accepted', 'comment': 'n/a'}
    made = [{**row, **words, 'reviewed_class': row['class']} for row in rows]
    return '\n'.join(
        '\t'.join(line) for line in [COLUMNS, *([r[c] for c in COLUMNS] for r in made)]
    )


def read_review(folder: Path, made: tuple[bytes, bytes]) -> None:
    """As the report, the group level and the training do."""
    from deepmir_bids.lesions.reader_review import read_reviewed_lesions, review_progress

    names = ('lesion_table', 'candidate_table', 'review')
    files = {name: folder / f'{name}.tsv' for name in names}
    files['lesion_table'].write_bytes(made[0])
    files['candidate_table'].write_text(_text('desc-candidates_dseg.tsv'))
    files['review'].write_bytes(made[1])
    review_progress(read_reviewed_lesions(files))


def read_atlas_table(folder: Path, made: bytes) -> None:
    """As ``--atlas-labels`` is."""
    from deepmir_bids.anatomy.atlas_structures import read_structures

    (folder / 'dseg.tsv').write_bytes(made)
    read_structures(folder / 'dseg.tsv')


RECORDS = '\t'.join(RECORD) + '\nsub-01\tn/a\tdone\tn/a\nsub-02\tses-1\tfailed\tno room\n'
PARTICIPANTS = 'participant_id\tage\tsex\nsub-01\t60\tF\nsub-02\t89+\tn/a\n'
COHORT = st.fixed_dictionaries(
    {},
    optional={
        'units.tsv': spoilt_text(RECORDS),
        'participants.tsv': spoilt_text(PARTICIPANTS),
        'participants.json': spoilt_json({'age': {'Units': 'years'}, 'sex': {'Levels': {}}}),
        'desc-lesions_dseg.json': st.deferred(
            lambda: spoilt_json(json.loads(_text('desc-lesions_dseg.json')))
        ),
        'desc-brain_mask.json': st.deferred(
            lambda: spoilt_json(json.loads(_text('desc-brain_mask.json')))
        ),
        'desc-lesions_dseg.tsv': st.deferred(lambda: spoilt_text(_text('desc-lesions_dseg.tsv'))),
        'builtin_dseg.tsv': st.deferred(lambda: spoilt_text(_text('builtin_dseg.tsv'))),
    },
)


def _cohort(folder: Path, made: dict[str, bytes]):
    from deepmir_bids.group.cohort_tables import make_tables
    from deepmir_bids.group.mixed_results import find_mixtures
    from deepmir_bids.group.read_cohort import read_cohort

    out = folder / 'out'
    anat, logs = out / 'sub-01' / 'anat', out / 'logs' / 'x'
    anat.mkdir(parents=True)
    logs.mkdir(parents=True)
    for name, text in _unit().items():
        (anat / name).write_text(text)
    (logs / 'units.tsv').write_text(RECORDS)
    for ending, content in made.items():
        path = logs / ending
        if ending not in ('units.tsv', 'participants.tsv', 'participants.json'):
            path = next(one for one in anat.iterdir() if one.name.endswith(ending))
        path.write_bytes(content)
    cohort = read_cohort(out)
    find_mixtures(cohort.units)
    return out, make_tables(cohort, cohort.raw.columns[:1])


def read_group(folder: Path, made: dict[str, bytes]) -> None:
    """As the group level does, up to its tables."""
    _cohort(folder, made)


def write_cohort_level(folder: Path, made: dict[str, bytes]) -> None:
    """As the group level does, with all that it leaves."""
    from deepmir_bids.group.write_group import write_group

    out, group = _cohort(folder, made)
    write_group(group, out)


READERS = [
    Reader('image', images(), read_volume, 30),
    Reader('names', TREES, read_names, 15),
    Reader('dataset', TREES, read_dataset, 0.5),
    Reader('filter file', st.deferred(queries), read_queries, 10),
    Reader('plugin file', spoilt_text(PLUGIN), read_plugin_file, 10),
    Reader('model card', spoilt_json(_card()), read_model_card, 12),
    Reader('weights', st.deferred(weights), read_weights, 2),
    Reader(
        'review',
        st.deferred(
            lambda: st.tuples(spoilt_text(_text('desc-lesions_dseg.tsv')), spoilt_text(_review()))
        ),
        read_review,
        10,
    ),
    Reader(
        'atlas table',
        spoilt_text(
            'index\tname\themi\tregion\tkind\n1\ta\tL\tdeep\tputamen\n2\tb\tR\tn/a\tn/a\n'
        ),
        read_atlas_table,
        5,
    ),
    Reader('group', COHORT, read_group, 1),
    Reader('group outputs', COHORT, write_cohort_level, 0.1),
]
