"""Files that are not what they seem: what is taken, what is left out, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.settings import Settings

SWI = 'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz'


@pytest.fixture
def make(tmp_path: Path):
    """Return a function that makes a dataset of empty files, and returns its root."""

    def dataset(*names: str, root: str = 'raw') -> Path:
        folder = tmp_path / root
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        description = '{"Name": "x", "BIDSVersion": "1.9.0"}'
        (folder / 'dataset_description.json').write_text(description)
        return folder

    return dataset


@pytest.fixture
def units(tmp_path: Path):
    """Return a function that finds the units of a dataset, by their labels."""

    def find(root: Path, queries=None, **options):
        settings = Settings(root, tmp_path / 'out', tmp_path / 'work', **options)
        if queries:
            path = tmp_path / 'filter.json'
            path.write_text(json.dumps(queries))
            settings = replace(settings, bids_filter_file=path)
        return {unit.label: unit for unit in collect_units(settings)}

    return find


def left_out(unit) -> dict[str, str]:
    return {one.path.name: one.left_out for one in unit.candidates if one.left_out}


@pytest.mark.parametrize(
    'name',
    [
        'acq-pha_swi',
        'rec-phase_swi',
        'acq-SWIpha_T2starw',
        'acq-swiph_T2starw',
        'acq-hiresPhase_swi',
        'rec-swi_part-phase_T2starw',
        'acq-PHA_swi',
    ],
)
def test_a_phase_image_is_never_an_swi_by_name(make, units, name):
    phase = f'sub-01/anat/sub-01_{name}.nii.gz'
    assert units(make(phase))['sub-01'].swi is None
    unit = units(make(SWI))['sub-01']
    assert unit.swi.name == Path(SWI).name


def test_why_a_phase_image_was_left_out_is_said(make, units):
    unit = units(make('sub-01/anat/sub-01_rec-phase_swi.nii.gz'))['sub-01']
    assert 'no SWI' in unit.skipped
    assert any('phase image' in note and 'rec-phase' in note for note in unit.notes)


@pytest.mark.parametrize('word', ['phantom', 'GRAPHIC', 'alpha', 'semiparallel', 'Philips'])
def test_a_word_that_looks_like_one_costs_nothing(make, units, word):
    unit = units(make(f'sub-01/anat/sub-01_acq-{word}_swi.nii.gz'))['sub-01']
    assert unit.swi is not None


def test_what_was_derived_waits_for_a_filter_that_asks_for_it(make, units):
    root = make('sub-01/anat/sub-01_desc-unwrapped_swi.nii.gz')
    unit = units(root)['sub-01']
    assert unit.swi is None
    assert any('"desc": "unwrapped"' in note for note in unit.notes)
    asked = units(root, {'swi': {'desc': 'unwrapped'}})['sub-01']
    assert asked.swi.name == 'sub-01_desc-unwrapped_swi.nii.gz'


def test_a_minip_waits_for_a_filter_and_a_phase_image_in_vain(make, units):
    root = make(
        'sub-01/anat/sub-01_acq-minIP_swi.nii.gz', 'sub-02/anat/sub-02_acq-phase_swi.nii.gz'
    )
    found = units(root, {'swi': {'acquisition': ['minIP', 'phase']}})
    assert found['sub-01'].swi is not None
    assert found['sub-02'].swi is None


@pytest.mark.parametrize(
    ('descs', 'taken'),
    [
        (['diamagnetic', 'paramagnetic', 'total'], 'sub-01_desc-total_Chimap.nii.gz'),
        (['diamagnetic', 'paramagnetic', None], 'sub-01_Chimap.nii.gz'),
        (['total', None], 'sub-01_Chimap.nii.gz'),
        (['diamagnetic', 'paramagnetic'], None),
    ],
)
def test_of_separated_susceptibilities_the_whole_is_taken(make, units, descs, taken):
    names = [f'_desc-{desc}' if desc else '' for desc in descs]
    unit = units(make(SWI, *[f'sub-01/anat/sub-01{name}_Chimap.nii.gz' for name in names]))[
        'sub-01'
    ]
    assert (unit.qsm.name if unit.qsm else None) == taken
    if not taken:
        assert any('--bids-filter-file' in note and 'diamagnetic' in note for note in unit.notes)


def test_datasets_may_disagree_on_a_session_that_is_the_only_one(make, units):
    raw = make(SWI, 'sub-02/ses-a/anat/sub-02_ses-a_swi.nii.gz')
    qsm = make(
        'sub-01/ses-1/anat/sub-01_ses-1_Chimap.nii.gz',
        'sub-02/anat/sub-02_Chimap.nii.gz',
        root='qsm',
    )
    found = units(raw, derivatives={'qsm': qsm})
    assert found['sub-01'].qsm.name == 'sub-01_ses-1_Chimap.nii.gz'
    assert any('ses-1' in note for note in found['sub-01'].notes)
    assert found['sub-02_ses-a'].qsm.name == 'sub-02_Chimap.nii.gz'


def test_sessions_that_leave_a_choice_are_named_and_not_taken(make, units):
    raw = make(SWI, *[f'sub-02/ses-{n}/anat/sub-02_ses-{n}_swi.nii.gz' for n in 'ab'])
    qsm = make(
        *[f'sub-01/ses-{n}/anat/sub-01_ses-{n}_Chimap.nii.gz' for n in '12'],
        'sub-02/anat/sub-02_Chimap.nii.gz',
        root='qsm',
    )
    found = units(raw, derivatives={'qsm': qsm})
    assert found['sub-01'].qsm is None
    assert any('ses-1, ses-2' in note for note in found['sub-01'].notes)
    assert found['sub-02_ses-a'].qsm is None
    assert any('no session' in note for note in found['sub-02_ses-a'].notes)
    (one,) = units(raw, derivatives={'qsm': qsm}, session_label=('a',)).values()
    assert one.qsm is None


@pytest.mark.parametrize('suffix', ['QSM', 'chimap', 'qsm'])
def test_other_spellings_of_the_suffix_are_taken_with_a_note(make, units, suffix):
    unit = units(make(SWI, f'sub-01/anat/sub-01_{suffix}.nii.gz'))['sub-01']
    assert unit.qsm.name == f'sub-01_{suffix}.nii.gz'
    assert any('Chimap' in note for note in unit.notes)
    both = units(make(SWI, 'sub-01/anat/sub-01_Chimap.nii.gz'))['sub-01']
    assert both.qsm.name == 'sub-01_Chimap.nii.gz'


@pytest.mark.parametrize(
    ('suffix', 'name'), [('T2W', 't2w'), ('Chimaps', 'qsm'), ('chiMAP', 'qsm')]
)
def test_a_near_miss_of_a_suffix_is_named(make, units, suffix, name):
    unit = units(make(SWI, f'sub-01/anat/sub-01_{suffix}.nii.gz'))['sub-01']
    assert getattr(unit, name) is None
    assert any(suffix in note and 'rename' in note for note in unit.notes)


def test_a_t1w_is_no_near_miss(make, units):
    unit = units(make(SWI, 'sub-01/anat/sub-01_T1w.nii.gz'))['sub-01']
    assert not unit.notes


@pytest.mark.parametrize('label', ['CTR_01', 'A-1', '1.2', '01 '])
def test_a_label_that_bids_does_not_allow_is_named_as_the_cause(make, units, label):
    root = make(f'sub-{label}/anat/sub-{label}_swi.nii.gz', SWI)
    found = units(root)
    assert found['sub-01'].swi is not None
    spelt = ''.join(c for c in label if c.isalnum())
    assert f'sub-{spelt}' in found[f'sub-{label}'].skipped
    assert f'sub-{label} is no label' in found[f'sub-{label}'].skipped


@pytest.mark.parametrize(
    'content',
    [b'', b'{"EchoTime": 0.02,}', b'\xef\xbb\xbf{}', '{"a": "é"}'.encode('cp1252'), None],
)
def test_a_damaged_sidecar_costs_nothing(make, units, content):
    root = make(SWI, 'sub-02/anat/sub-02_rec-swi_T2starw.nii.gz')
    for label in ('01', '02'):
        sidecar = root / f'sub-{label}/anat/sub-{label}_rec-swi_T2starw.json'
        sidecar.symlink_to('nowhere.json') if content is None else sidecar.write_bytes(content)
    assert all(unit.swi for unit in units(root).values())


def test_a_byte_order_mark_is_fine_at_the_root(make, units):
    root, qsm = make(SWI), make('sub-01/anat/sub-01_Chimap.nii.gz', root='qsm')
    for folder in (root, qsm):
        path = folder / 'dataset_description.json'
        path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert units(root, derivatives={'qsm': qsm})['sub-01'].inputs == ('swi', 'qsm')


def head(shape, zooms, csf: float = 2.0, shift=(0, 0, 0)) -> nib.Nifti1Image:
    """A ball of brain with a bright ventricle, its centre at the scanner's."""
    affine = np.diag([*zooms, 1.0])
    affine[:3, 3] = -np.array(zooms) * (np.array(shape) - 1) / 2 + shift
    points = np.indices(shape).reshape(3, -1).T
    away = np.linalg.norm(nib.affines.apply_affine(affine, points), axis=1).reshape(shape)
    values = np.where(away < 70, 100.0, 0) + np.where(away < 25, 100 * (csf - 1), 0)
    return nib.Nifti1Image(values.astype(np.float32), affine)


def test_the_t2w_that_covers_the_brain_is_taken(make, units):
    names = ['acq-cspine', 'acq-hippo', 'acq-whole']
    root = make(SWI, *[f'sub-01/anat/sub-01_{name}_T2w.nii.gz' for name in names])
    nib.save(head((60, 70, 50), (3, 3, 3)), root / SWI)
    images = {
        'acq-cspine': head((60, 60, 60), (3, 3, 3), shift=(0, 0, -150)),
        'acq-hippo': head((90, 90, 15), (2, 2, 2)),
        'acq-whole': head((60, 70, 50), (3, 3, 3)),
    }
    for name, image in images.items():
        nib.save(image, root / f'sub-01/anat/sub-01_{name}_T2w.nii.gz')
    unit = units(root)['sub-01']
    assert unit.t2w.name == 'sub-01_acq-whole_T2w.nii.gz'
    assert 'SWI’s centre' in left_out(unit)['sub-01_acq-cspine_T2w.nii.gz']
    assert 'SWI’s centre' in left_out(unit)['sub-01_acq-hippo_T2w.nii.gz']


def test_a_t2w_that_cannot_be_used_gives_way(make, units):
    names = [f'sub-01/anat/sub-01_run-{n}_T2w.nii.gz' for n in (1, 2)]
    root = make(SWI, *names)
    good = head((60, 70, 50), (3, 3, 3))
    nib.save(good, root / SWI)
    nib.save(nib.Nifti1Image(np.stack([good.dataobj] * 3, -1), good.affine), root / names[0])
    nib.save(good, root / names[1])
    unit = units(root)['sub-01']
    assert unit.t2w == root / names[1]
    assert left_out(unit)['sub-01_run-1_T2w.nii.gz'] == 'it cannot be used'


@pytest.mark.parametrize(
    'echo_times', [(0.012, 0.09), (12, 90), (90, 12), (None, 0.09), (None, None)]
)
def test_the_t2w_that_is_t2_weighted_is_taken(make, units, echo_times):
    """By what it shows: whatever unit a sidecar has, or whether it is wrong or absent."""
    root = make(SWI, *[f'sub-01/anat/sub-01_echo-{n}_T2w.nii.gz' for n in (1, 2)])
    nib.save(head((60, 70, 50), (3, 3, 3)), root / SWI)
    for echo, csf in ((1, 1.1), (2, 2.2)):
        nib.save(
            head((60, 70, 50), (3, 3, 3), csf), root / f'sub-01/anat/sub-01_echo-{echo}_T2w.nii.gz'
        )
        if echo_times[echo - 1]:
            sidecar = root / f'sub-01/anat/sub-01_echo-{echo}_T2w.json'
            sidecar.write_text(json.dumps({'EchoTime': echo_times[echo - 1]}))
    unit = units(root)['sub-01']
    assert unit.t2w.name == 'sub-01_echo-2_T2w.nii.gz'
    assert 'less T2-weighted' in left_out(unit)['sub-01_echo-1_T2w.nii.gz']


def test_where_names_leave_a_choice_a_phase_image_is_known_by_its_content(make, units):
    names = ['acq-a_swi', 'acq-b_swi']
    root = make(*[f'sub-01/anat/sub-01_{name}.nii.gz' for name in names])
    magnitude = head((60, 70, 50), (3, 3, 3))
    phase = np.random.default_rng(0).uniform(0, 4095, magnitude.shape).astype(np.float32)
    for name, image in zip(
        names, (nib.Nifti1Image(phase, magnitude.affine), magnitude), strict=True
    ):
        nib.save(image, root / f'sub-01/anat/sub-01_{name}.nii.gz')
    unit = units(root)['sub-01']
    assert unit.swi.name == 'sub-01_acq-b_swi.nii.gz'
    assert 'phase' in left_out(unit)['sub-01_acq-a_swi.nii.gz']
