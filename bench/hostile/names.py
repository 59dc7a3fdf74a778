"""Datasets with names, links and pipes that nobody expects."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import strategies as st

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


def plant(root: Path, tree: list[tuple[str, str, str, str]]) -> None:
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
    plant(root, tree)
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

    plant(folder / 'raw', tree)
    for unit in collect_units(Settings(folder / 'raw', folder / 'out', folder / 'work')):
        said = [unit.label, str(unit.skipped), *unit.notes, *map(str, unit.candidates)]
        assert all(text.isprintable() for text in said), said
