"""Datasets as other tools name their files: each image that deepmir can use is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.cli.deepmir import main
from deepmir_bids.settings import Settings

T1W = 'sub-01/anat/sub-01_T1w.nii.gz'
SWI = 'sub-01/anat/sub-01_rec-swi_T2starw.nii.gz'


@pytest.fixture
def units(tmp_path: Path):
    """Return a function that makes a raw and another dataset, and finds the units of both."""

    def write(root: Path, names) -> Path:
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return root

    def find(raw, other, option='derivatives'):
        root = write(tmp_path / 'raw', raw)
        (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
        given = {'other': write(tmp_path / 'other', other)}
        settings = Settings(root, tmp_path / 'out', tmp_path / 'work')
        found = collect_units(replace(settings, **{option: given}))
        return {unit.label: unit for unit in found}

    return find


def qsmxt(stem: str) -> list[str]:
    """Files that QSMxT 9 leaves of an acquisition, with everything switched on."""
    subject, *session = stem.split('_')[:2]
    folder = '/'.join([subject, *(part for part in session if part.startswith('ses-'))])
    ends = [
        'Chimap',
        'desc-paramagnetic_Chimap',
        'desc-diamagnetic_Chimap',
        'desc-total_Chimap',
        'mask',
        'part-mag_T2starw',
        'swi',
        'minIP',
        'T2starmap',
        'R2starmap',
        'R2map',
        'R2primemap',
    ]
    return [
        *[f'{folder}/anat/{stem}_{end}.nii' for end in ends],
        f'{folder}/anat/{stem}_Chimap.json',
        f'{folder}/extra_files/{stem}_swi_dicoms/1.dcm',
        f'workflow/{folder}/invert/{stem}_Chimap-raw.nii',
    ]


def echoes(stem: str, suffix: str = 'MEGRE') -> list[str]:
    folder = 'sub-01/anat'
    return [
        f'{folder}/{stem}_echo-{n}_part-{part}_{suffix}.nii.gz'
        for n in (1, 2)
        for part in ('mag', 'phase')
    ]


@pytest.mark.parametrize('suffix', ['MEGRE', 'T2starw'])
def test_qsmxt_gives_the_swi_and_the_qsm_of_its_echoes(units, suffix):
    """Also where a magnitude of the raw dataset could stand in for the SWI."""
    unit = units(echoes('sub-01', suffix), qsmxt('sub-01'))['sub-01']
    assert unit.swi.name == 'sub-01_swi.nii'
    assert unit.qsm.name == 'sub-01_Chimap.nii'
    left_out = {one.path.name for one in unit.candidates if one.left_out}
    assert {f'sub-01_desc-{part}_Chimap.nii' for part in ('paramagnetic', 'total')} <= left_out


def test_an_swi_of_the_scanner_comes_before_qsmxts(units):
    unit = units([SWI, *echoes('sub-01')], qsmxt('sub-01'))['sub-01']
    assert unit.swi.name == Path(SWI).name


def test_without_an_swi_qsmxts_magnitude_stands_in(units):
    names = [name for name in qsmxt('sub-01') if not name.endswith('_swi.nii')]
    unit = units(echoes('sub-01'), names)['sub-01']
    assert unit.swi.name == 'sub-01_part-mag_T2starw.nii'
    assert any('stands in' in note for note in unit.notes)


def test_the_qsm_is_that_of_the_swis_own_acquisition(units):
    raw = ['sub-01/anat/sub-01_acq-b_run-2_swi.nii.gz']
    maps = [name for run in '12' for acq in 'ab' for name in qsmxt(f'sub-01_acq-{acq}_run-{run}')]
    unit = units(raw, maps)['sub-01']
    assert unit.qsm.name == 'sub-01_acq-b_run-2_Chimap.nii'
    (why,) = {
        c.left_out for c in unit.candidates if c.path.name.endswith('acq-a_run-1_Chimap.nii')
    }
    assert why == 'sub-01_acq-b_run-2_Chimap.nii is nearer to the SWI by its name'


def test_sessions_of_qsmxt_are_those_of_the_raw_dataset(units):
    raw = [f'sub-01/ses-{n}/anat/sub-01_ses-{n}_part-mag_MEGRE.nii.gz' for n in 'ab']
    found = units(raw, [name for n in 'ab' for name in qsmxt(f'sub-01_ses-{n}')])
    for n in 'ab':
        unit = found[f'sub-01_ses-{n}']
        assert unit.swi.name == f'sub-01_ses-{n}_swi.nii'
        assert unit.qsm.name == f'sub-01_ses-{n}_Chimap.nii'


def test_qsmxt_8_wrote_the_suffix_of_its_input_and_no_description(units):
    """A folder of its own, the suffix amid the entities, and maps of a single pass beside."""
    stem = 'sub-01_acq-gre_T2starw_run-1'
    ends = ['Chimap', 'desc-singlepass_Chimap', 'swi', 'minIP', 'space-qsm_dseg', 'T2starmap']
    names = [f'sub-01/anat/{stem}_{end}.nii' for end in ends]
    unit = units(['sub-01/anat/sub-01_acq-gre_run-1_part-mag_T2starw.nii.gz'], names)['sub-01']
    assert unit.qsm.name == f'{stem}_Chimap.nii'
    assert unit.swi.name == f'{stem}_swi.nii'


def test_sepia_with_a_bids_prefix(units):
    """SEPIA puts its suffixes behind the prefix that it is told."""
    ends = [
        'Chimap',
        'fieldmap',
        'localfield',
        'mask_brain',
        'mask_QSM',
        'R2starmap',
        'part-phase_unwrapped',
        'clearswi-minIP',
        'swi-phase',
    ]
    unit = units([SWI], [f'sub-01/anat/sub-01_{end}.nii.gz' for end in ends])['sub-01']
    assert unit.swi.name == Path(SWI).name
    assert unit.qsm.name == 'sub-01_Chimap.nii.gz'
    assert [one.path.name for one in unit.candidates if one.left_out] == ['sub-01_mask_QSM.nii.gz']


@pytest.mark.long
def test_the_command_says_what_it_takes_of_qsmxt_and_fmriprep(units, tmp_path, capsys):
    names = [*qsmxt('sub-01'), 'sub-01/anat/sub-01_desc-brain_mask.nii.gz', *fmriprep('sub-01')]
    units([*echoes('sub-01'), T1W], names)
    other = f'other={tmp_path / "other"}'
    options = ['--derivatives', other, '--brain-mask-from', other, '--dry-run']
    options += ['--template', SPACE, '--atlas', 'builtin', '--work-dir', str(tmp_path / 'work')]
    # All of them are empty, which the audit says after it has chosen.
    assert main([str(tmp_path / 'raw'), str(tmp_path / 'out'), 'participant', *options]) == 1
    said = capsys.readouterr().out
    assert f'swi: {tmp_path}/other/sub-01/anat/sub-01_swi.nii' in said
    assert f'qsm: {tmp_path}/other/sub-01/anat/sub-01_Chimap.nii' in said
    assert 'sub-01_desc-total_Chimap.nii: left out' in said
    assert 'fit_mask' in said


def fmriprep(stem: str, folder: str = 'sub-01') -> list[str]:
    """Masks that fMRIPrep leaves, save the one in the space of the T1w."""
    return [
        f'{folder}/anat/{stem}_space-MNI152NLin2009cAsym_desc-brain_mask.nii.gz',
        f'{folder}/anat/{stem}_space-MNI152NLin2009cAsym_res-2_desc-brain_mask.nii.gz',
        f'{folder}/anat/{stem}_desc-ribbon_mask.nii.gz',
        f'{folder}/anat/{stem}_hemi-L_desc-cortex_mask.label.gii',
        f'{folder}/fmap/{stem}_fmapid-auto00000_desc-brain_mask.nii.gz',
        f'{folder}/func/{stem}_task-rest_desc-brain_mask.nii.gz',
        f'{folder}/func/{stem}_task-rest_space-T1w_desc-brain_mask.nii.gz',
        f'{folder}/anat/{stem}_desc-preproc_T1w.nii.gz',
    ]


@pytest.mark.parametrize('entities', ['', '_acq-mprage', '_acq-mprage_run-2', '_rec-norm'])
def test_fmripreps_mask_is_the_one_in_the_space_of_the_t1w(units, entities):
    stem = f'sub-01{entities}'
    mask = f'sub-01/anat/{stem}_desc-brain_mask.nii.gz'
    unit = units([SWI, T1W], [*fmriprep(stem), mask], 'brain_mask_from')['sub-01']
    assert unit.brain_mask.name == Path(mask).name
    assert not unit.notes


def test_a_mask_of_another_space_is_named_and_not_taken(units):
    unit = units([SWI, T1W], fmriprep('sub-01'), 'brain_mask_from')['sub-01']
    assert unit.brain_mask is None
    (note,) = unit.notes
    assert 'the template gives one' in note
    assert 'sub-01_fmapid-auto00000_desc-brain_mask.nii.gz and 4 more' in note


def test_of_several_masks_the_one_nearest_to_the_swi_is_taken_with_a_verdict(units):
    names = [
        f'sub-01/anat/sub-01_{name}_mask.nii.gz'
        for name in ('run-1_desc-brain', 'run-2_desc-brain', 'space-T1w_desc-brain')
    ]
    plain = units([SWI], names, 'brain_mask_from')['sub-01']
    assert plain.brain_mask.name == 'sub-01_run-1_desc-brain_mask.nii.gz'
    verdicts = {one.path.name: one.left_out for one in plain.candidates}
    assert verdicts['sub-01_run-2_desc-brain_mask.nii.gz'] == 'it comes later by name'
    assert 'another suits better' in verdicts['sub-01_space-T1w_desc-brain_mask.nii.gz']
    assert any('is used as brain_mask; left out' in note for note in plain.notes)
    own = 'sub-01/anat/sub-01_space-SWI_desc-brain_mask.nii.gz'
    unit = units([SWI], [*names, own], 'brain_mask_from')['sub-01']
    assert unit.brain_mask.name == Path(own).name


@pytest.mark.parametrize(('raw', 'other'), [('', 'ses-a'), ('ses-a', ''), ('ses-a', 'ses-a')])
def test_the_only_session_may_be_named_in_one_dataset_alone(units, raw, other):
    """A func mask of that session is no reason to look there."""

    def name(session: str, rest: str, folder: str = 'anat') -> str:
        parts = ['sub-01', *([session] if session else [])]
        return '/'.join([*parts, folder, '_'.join([*parts, rest])])

    masks = [
        name(other, 'desc-brain_mask.nii.gz'),
        name('ses-a', 'task-rest_desc-brain_mask.nii.gz', 'func'),
    ]
    found = units([name(raw, 'swi.nii.gz'), name(raw, 'T1w.nii.gz')], masks, 'brain_mask_from')
    (unit,) = found.values()
    assert unit.brain_mask.name == Path(masks[0]).name


def test_a_mask_of_no_session_belongs_to_the_first_t1w(units):
    raw = [f'sub-01/ses-{n}/anat/sub-01_ses-{n}_swi.nii.gz' for n in 'abc']
    raw += [f'sub-01/ses-{n}/anat/sub-01_ses-{n}_T1w.nii.gz' for n in 'bc']
    masks = [*fmriprep('sub-01'), 'sub-01/anat/sub-01_desc-brain_mask.nii.gz']
    found = units(raw, masks, 'brain_mask_from')
    assert [u.label for u in found.values() if u.brain_mask] == ['sub-01_ses-b']
    assert 'first T1w' in found['sub-01_ses-b'].notes[-1]
    assert 'the template gives one' in found['sub-01_ses-c'].notes[-1]


def test_masks_of_each_session_are_theirs(units):
    raw = [f'sub-01/ses-{n}/anat/sub-01_ses-{n}_swi.nii.gz' for n in 'ab']
    masks = [f'sub-01/ses-{n}/anat/sub-01_ses-{n}_desc-brain_mask.nii.gz' for n in 'ab']
    found = units(raw, masks, 'brain_mask_from')
    for n in 'ab':
        assert found[f'sub-01_ses-{n}'].brain_mask.name == f'sub-01_ses-{n}_desc-brain_mask.nii.gz'
