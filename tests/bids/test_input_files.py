"""Which files a unit is given."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.errors import UsageError
from deepmir_bids.settings import Settings


@pytest.fixture
def dataset(tmp_path: Path):
    """Return a function that makes a raw dataset of empty files and the settings to read it."""

    def make(*names: str) -> Settings:
        root = tmp_path / 'raw'
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        root.mkdir(exist_ok=True)
        (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
        return Settings(root, tmp_path / 'out', tmp_path / 'work')

    return make


def only_unit(settings: Settings):
    (unit,) = collect_units(settings)
    return unit


@pytest.mark.parametrize(
    ('names', 'chosen'),
    [
        (['swi/sub-01_swi.nii.gz', 'anat/sub-01_T2starw.nii.gz'], 'sub-01_swi.nii.gz'),
        (['anat/sub-01_SWI.nii', 'anat/sub-01_acq-swi_T2starw.nii.gz'], 'sub-01_SWI.nii'),
        (
            ['anat/sub-01_T2starw.nii.gz', 'anat/sub-01_rec-SWI_T2starw.nii.gz'],
            'sub-01_rec-SWI_T2starw.nii.gz',
        ),
        (['swi/sub-01_acq-minIP_swi.nii.gz', 'swi/sub-01_swi.nii.gz'], 'sub-01_swi.nii.gz'),
        (['anat/sub-01_part-mag_T2starw.nii.gz'], 'sub-01_part-mag_T2starw.nii.gz'),
    ],
)
def test_the_best_swi_is_chosen(dataset, names, chosen):
    unit = only_unit(dataset(*[f'sub-01/{name}' for name in names]))
    assert unit.swi.name == chosen


def test_a_word_that_has_mip_in_it_is_no_minip(dataset):
    unit = only_unit(dataset('sub-01/anat/sub-01_acq-semiparallel_swi.nii.gz'))
    assert unit.swi.name == 'sub-01_acq-semiparallel_swi.nii.gz'


def test_participants_and_sessions_are_in_the_order_of_their_numbers(dataset):
    settings = dataset(
        *[f'sub-1/ses-{n}/anat/sub-1_ses-{n}_swi.nii.gz' for n in (10, 2, 1)],
        'sub-10/anat/sub-10_swi.nii.gz',
        'sub-9/anat/sub-9_swi.nii.gz',
    )
    labels = [unit.label for unit in collect_units(settings)]
    assert labels == ['sub-1_ses-1', 'sub-1_ses-2', 'sub-1_ses-10', 'sub-9', 'sub-10']


@pytest.fixture
def two_sessions(dataset, tmp_path):
    """Return a function that finds the units of two sessions with a filter file."""
    settings = dataset(
        'sub-01/ses-1/anat/sub-01_ses-1_swi.nii.gz',
        'sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz',
        'sub-01/ses-2/anat/sub-01_ses-2_swi.nii.gz',
        'sub-02/ses-1/anat/sub-02_ses-1_swi.nii.gz',
    )

    def find(queries):
        path = tmp_path / 'filter.json'
        path.write_text(json.dumps(queries))
        units = collect_units(replace(settings, bids_filter_file=path))
        return {unit.label: unit for unit in units}

    return find


def test_a_filter_may_take_the_t2w_of_another_session(two_sessions):
    units = two_sessions({'t2w': {'session': '1'}})
    assert units['sub-01_ses-2'].t2w.name == 'sub-01_ses-1_T2w.nii.gz'
    assert units['sub-01_ses-2'].swi.name == 'sub-01_ses-2_swi.nii.gz'
    assert units['sub-02_ses-1'].t2w is None


def test_a_filter_on_session_or_subject_chooses_the_swi(two_sessions):
    units = two_sessions({'swi': {'session': ['2']}})
    assert [label for label, unit in units.items() if unit.swi] == ['sub-01_ses-2']
    units = two_sessions({'swi': {'subject': '02'}})
    assert [label for label, unit in units.items() if unit.swi] == ['sub-02_ses-1']
    units = two_sessions({'t2w': {'subject': ['02']}})
    assert all(unit.swi and unit.t2w is None for unit in units.values())


@pytest.mark.parametrize('name', ['rec-minip_T2starw', 'part-phase_T2starw', 'T1w'])
def test_what_is_no_swi_is_never_taken(dataset, name):
    unit = only_unit(dataset(f'sub-01/anat/sub-01_{name}.nii.gz'))
    assert unit.swi is None
    assert 'no SWI' in unit.skipped


def test_a_stand_in_and_a_choice_between_runs_are_said(dataset):
    unit = only_unit(
        dataset(
            'sub-01/anat/sub-01_T2starw.nii.gz',
            'sub-01/anat/sub-01_run-1_T2w.nii.gz',
            'sub-01/anat/sub-01_run-2_T2w.nii.gz',
        )
    )
    assert unit.t2w.name == 'sub-01_run-1_T2w.nii.gz'
    assert unit.inputs == ('swi', 't2w')
    assert any('stands in for the SWI' in note for note in unit.notes)
    assert any('sub-01_run-2_T2w.nii.gz' in note for note in unit.notes)


def test_sessions_are_units_and_do_not_lend_each_other_images(dataset):
    settings = dataset(
        'sub-01/ses-a/anat/sub-01_ses-a_acq-swi_T2starw.nii.gz',
        'sub-01/ses-b/anat/sub-01_ses-b_acq-swi_T2starw.nii.gz',
        'sub-01/ses-b/anat/sub-01_ses-b_Chimap.nii.gz',
    )
    first, second = collect_units(settings)
    assert (first.label, second.label) == ('sub-01_ses-a', 'sub-01_ses-b')
    assert first.qsm is None
    assert second.qsm is not None
    assert any('ses-b but not in ses-a' in note for note in first.notes)
    assert len(collect_units(replace(settings, session_label=('b',)))) == 1


def test_the_qsm_of_a_derivatives_dataset_and_a_given_mask(dataset, tmp_path):
    settings = dataset('sub-01/anat/sub-01_acq-swi_T2starw.nii.gz')
    folder = tmp_path / 'qsm' / 'sub-01' / 'anat'
    folder.mkdir(parents=True)
    (folder / 'sub-01_Chimap.nii.gz').touch()
    # No sidecar is read to find an image: a damaged one costs nothing.
    (folder / 'sub-01_Chimap.json').write_text('{"Units": ')
    (folder / 'sub-01_desc-brain_mask.nii.gz').touch()
    given = {'qsm': tmp_path / 'qsm'}
    unit = only_unit(replace(settings, derivatives=given, brain_mask_from=given))
    assert unit.qsm.name == 'sub-01_Chimap.nii.gz'
    assert unit.brain_mask.name == 'sub-01_desc-brain_mask.nii.gz'


def test_of_several_given_masks_the_others_are_named(dataset, tmp_path):
    settings = dataset('sub-01/anat/sub-01_acq-swi_T2starw.nii.gz')
    folder = tmp_path / 'masks' / 'sub-01' / 'anat'
    folder.mkdir(parents=True)
    for run in (1, 2):
        (folder / f'sub-01_run-{run}_desc-brain_mask.nii.gz').touch()
    unit = only_unit(replace(settings, brain_mask_from={'masks': tmp_path / 'masks'}))
    assert unit.brain_mask.name == 'sub-01_run-1_desc-brain_mask.nii.gz'
    assert any('run-2' in note for note in unit.notes)
    assert [one.name for one in unit.candidates] == ['swi', 'brain_mask', 'brain_mask']


def test_only_the_participant_asked_for_is_indexed(dataset):
    settings = dataset(
        *[f'sub-{n:03d}/anat/sub-{n:03d}_acq-swi_T2starw.nii.gz' for n in range(30)]
    )
    units = collect_units(replace(settings, participant_label=('007',)))
    assert [unit.subject for unit in units] == ['007']


def test_unknown_participant_session_and_empty_cohort(dataset, tmp_path):
    settings = dataset('sub-01/anat/sub-01_T2starw.nii.gz')
    with pytest.raises(UsageError, match='no participant 77: it has 01'):
        collect_units(replace(settings, participant_label=('77',)))
    with pytest.raises(UsageError, match='no session x'):
        collect_units(replace(settings, session_label=('x',)))
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UsageError, match='no participant'):
        collect_units(replace(settings, bids_dir=tmp_path / 'empty'))


def test_a_filter_file_may_ask_for_a_suffix_of_its_own(dataset, tmp_path):
    path = tmp_path / 'filter.json'
    path.write_text('{"qsm": {"suffix": "QSM"}, "swi": {"suffix": ["swi", "GRE"]}}')
    settings = dataset('sub-01/anat/sub-01_GRE.nii.gz', 'sub-01/anat/sub-01_QSM.nii.gz')
    unit = only_unit(replace(settings, bids_filter_file=path))
    assert unit.swi.name == 'sub-01_GRE.nii.gz'
    assert unit.qsm.name == 'sub-01_QSM.nii.gz'


def test_a_filter_file_updates_one_query(dataset, tmp_path):
    path = tmp_path / 'filter.json'
    path.write_text('{"swi": {"acquisition": "b"}}')
    settings = dataset(
        'sub-01/anat/sub-01_acq-a_T2starw.nii.gz', 'sub-01/anat/sub-01_acq-b_T2starw.nii.gz'
    )
    unit = only_unit(replace(settings, bids_filter_file=path))
    assert unit.swi.name == 'sub-01_acq-b_T2starw.nii.gz'


def test_an_index_is_made_once_and_read_by_later_runs(dataset, tmp_path):
    settings = dataset(
        'sub-01/anat/sub-01_acq-swi_T2starw.nii.gz',
        'sub-02/ses-a/anat/sub-02_ses-a_acq-swi_T2starw.nii.gz',
    )
    shared = replace(settings, bids_database_dir=tmp_path / 'index', participant_label=('01',))
    assert collect_units(shared) == collect_units(settings)[:1]
    (index,) = (tmp_path / 'index').iterdir()
    before = (index / 'layout_index.sqlite').stat().st_mtime_ns
    # The first run had no use for it, and it is there.
    (other,) = collect_units(replace(shared, participant_label=('02',)))
    assert other.swi.name == 'sub-02_ses-a_acq-swi_T2starw.nii.gz'
    assert only_unit(shared).subject == '01'
    assert (index / 'layout_index.sqlite').stat().st_mtime_ns == before


def test_datasets_in_one_database_folder_keep_apart(dataset, tmp_path):
    settings = dataset('sub-01/anat/sub-01_acq-swi_T2starw.nii.gz')
    folder = tmp_path / 'other' / 'raw' / 'sub-01' / 'anat'
    folder.mkdir(parents=True)
    (folder / 'sub-01_Chimap.nii.gz').touch()
    with_qsm = replace(settings, derivatives={'qsm': folder.parents[1]})
    shared = replace(with_qsm, bids_database_dir=tmp_path / 'index')
    assert collect_units(shared) == collect_units(with_qsm)
    assert collect_units(shared)[0].qsm == folder / 'sub-01_Chimap.nii.gz'
    assert len(list((tmp_path / 'index').iterdir())) == 2


FIND_ONE = """
import resource, sys, time
begin = time.perf_counter()
from pathlib import Path
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.settings import Settings
settings = Settings(Path(sys.argv[1]), Path('out'), Path('work'), participant_label=('2500',))
(unit,) = collect_units(settings)
seconds = time.perf_counter() - begin
print(*unit.inputs, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
"""


@pytest.mark.slow
def test_one_participant_is_found_fast_among_five_thousand(dataset):
    """By a process of its own, imports included; the best of three, for a noisy machine."""
    root = dataset().bids_dir
    image = nib.Nifti1Image(np.zeros((2, 2, 2), dtype=np.int16), np.eye(4))
    content = gzip.compress(image.to_bytes())
    for label in (f'{n:04d}' for n in range(5000)):
        folder = root / f'sub-{label}' / 'anat'
        folder.mkdir(parents=True)
        for suffix in ('rec-swi_T2starw', 'Chimap', 'T2w'):
            (folder / f'sub-{label}_{suffix}.nii.gz').write_bytes(content)
        (folder / f'sub-{label}_Chimap.json').write_text('{"Units": "ppm"}')
    command = [sys.executable, '-c', FIND_ONE, str(root)]
    measured = []
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        *inputs, seconds, gigabytes = done.stdout.split()
        assert inputs == ['swi', 'qsm', 't2w']
        measured.append((float(seconds), float(gigabytes)))
    assert min(measured)[0] < 5
    assert max(memory for _, memory in measured) < 1
