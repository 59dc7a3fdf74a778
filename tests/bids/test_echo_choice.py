"""Which files SWI and QSM are made from, and what is said of pairs that are none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.settings import Settings

FIELD = {'MagneticFieldStrength': 3}


@pytest.fixture
def dataset(tmp_path: Path):
    """Return a function that makes images and sidecars, and gives the only unit of them."""
    root = tmp_path / 'raw'
    (root / 'sub-01' / 'anat').mkdir(parents=True)
    (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')

    def unit(files: dict, **options):
        """``files`` has shapes, or kinds of number, by the names of the images."""
        for name, (shape, sidecar) in files.items():
            path = root / 'sub-01' / 'anat' / f'sub-01_{name}.nii.gz'
            numbers = np.complex64 if 'complex' in name else np.float32
            nib.save(nib.Nifti1Image(np.ones(shape, numbers), np.eye(4)), path)
            path.with_name(f'sub-01_{name}.json').write_text(json.dumps(sidecar))
        settings = Settings(root, tmp_path / 'out', tmp_path / 'work', reconstruct='auto')
        (found,) = collect_units(replace(settings, **options))
        return found

    return unit


def scan(*echo_times, shape=(4, 4, 4), suffix='MEGRE', parts=('mag', 'phase'), more='', first=1):
    """Images of one scan, an echo for each echo time."""
    return {
        f'{more}echo-{n}_part-{part}_{suffix}': (shape, {'EchoTime': time, **FIELD})
        for n, time in enumerate(echo_times, first)
        for part in parts
    }


def pair(time=0.02, more='', sidecars=None, shapes=((4, 4, 4), (4, 4, 4)), suffix='T2starw'):
    """Magnitude and phase of one echo."""
    said = sidecars or [{'EchoTime': time, **FIELD}] * 2
    return {
        f'{more}part-{part}_{suffix}': (shape, sidecar)
        for part, shape, sidecar in zip(('mag', 'phase'), shapes, said, strict=True)
    }


def test_what_a_unit_lacks_is_made_from_all_echoes(dataset):
    unit = dataset(scan(0.005, 0.01, 0.015))
    assert (unit.made, unit.skipped) == (('swi', 'qsm'), None)
    assert unit.echoes.echo_times_s == (0.005, 0.01, 0.015)
    assert unit.echoes.field_t == 3
    assert [path.name for path in unit.echoes.files[1]] == [
        'sub-01_echo-2_part-mag_MEGRE.nii.gz',
        'sub-01_echo-2_part-phase_MEGRE.nii.gz',
    ]
    assert unit.swi.name == 'sub-01_echo-1_part-mag_MEGRE.nii.gz'
    assert 'r2star' in unit.owed
    assert any('SWI and QSM made by deepmir' in note for note in unit.notes)


def test_a_magnitude_no_longer_stands_in_where_there_is_phase(dataset):
    unit = dataset(pair())
    assert unit.made == ('swi',)
    assert not unit.swi_stands_in
    assert not any('stands in' in note for note in unit.notes)
    verdict = next(one.left_out for one in unit.candidates if one.name == 'swi')
    assert verdict.startswith('it is made')


def test_never_leaves_everything_as_it_was(dataset):
    unit = dataset(pair(), reconstruct='never')
    assert (unit.made, unit.echoes, unit.qsm) == ((), None, None)
    assert unit.swi_stands_in


def test_a_ready_swi_is_kept_unless_all_is_to_be_made(dataset):
    files = {'rec-swi_T2starw': ((4, 4, 4), {}), **scan(0.01, 0.02)}
    assert dataset(files).made == ('qsm',)
    assert dataset(files).swi.name == 'sub-01_rec-swi_T2starw.nii.gz'
    assert dataset(files, reconstruct='always').made == ('swi', 'qsm')
    assert dataset(files, inputs=('swi', 't2w')).made == ()


def test_of_one_echo_alone_no_qsm_is_made_unless_asked(dataset):
    unit = dataset(scan(0.02))
    assert (unit.made, unit.qsm, unit.skipped) == (('swi',), None, None)
    said = next(note for note in unit.notes if note.startswith('No QSM is made of sub-01_echo-1'))
    assert '--reconstruct always' in said
    assert any(note.startswith('SWI made by deepmir') for note in unit.notes)
    assert dataset(scan(0.02), reconstruct='always').made == ('swi', 'qsm')


def test_one_echo_beside_a_ready_swi_is_of_no_use(dataset):
    ready = {'rec-swi_T2starw': ((4, 4, 4), {})}
    unit = dataset({**ready, **scan(0.02)})
    assert (unit.made, unit.echoes, unit.skipped) == ((), None, None)
    assert any(note.startswith('No QSM is made') for note in unit.notes)
    verdicts = {one.left_out for one in unit.candidates if one.name == 'echoes'}
    assert verdicts == {'nothing that the unit lacks can be made well enough of it'}


def test_one_echo_of_the_swis_own_scan_gives_way_to_several(dataset):
    ready = {'rec-swi_T2starw': ((4, 4, 4), {}), **pair(more='rec-swi_', suffix='MEGRE')}
    unit = dataset({**ready, **scan(0.01, 0.02, more='acq-a_')})
    assert unit.made == ('qsm',)
    assert unit.echoes.reference.name == 'sub-01_acq-a_echo-1_part-mag_MEGRE.nii.gz'


@pytest.mark.parametrize(
    ('last_s', 'field_t', 'made'),
    [
        (0.0099, 3, ('qsm',)),
        (0.01, 3, ('swi', 'qsm')),
        (0.0099, 7, ('swi', 'qsm')),
        (0.019, 1.5, ('qsm',)),
        (0.021, 1.5, ('swi', 'qsm')),
    ],
)
def test_a_stand_in_is_better_than_an_swi_of_early_echoes(dataset, last_s, field_t, made):
    files = {'T2starw': ((4, 4, 4), {}), **scan(0.003, last_s)}
    unit = dataset(files, field_strength=field_t)
    assert unit.made == made
    assert unit.swi_stands_in == ('swi' not in made)
    said = [note for note in unit.notes if note.startswith('No SWI is made')]
    assert len(said) == ('swi' not in made)
    assert all('sub-01_T2starw.nii.gz shows more (--reconstruct always' in note for note in said)
    assert dataset(files, reconstruct='always').made == ('swi', 'qsm')


def test_an_swi_of_early_echoes_is_better_than_the_first_of_them(dataset):
    assert dataset(scan(0.003, 0.005, suffix='T2starw')).made == ('swi', 'qsm')


@pytest.mark.parametrize('parts', [('real', 'imag'), ('mag', 'phase')])
def test_parts_of_either_kind_are_paired(dataset, parts):
    unit = dataset(scan(0.01, parts=parts))
    assert unit.echoes.parts == parts


@pytest.mark.parametrize(
    ('magnitude', 'phase'),
    [
        ('acq-GREmag_T2starw', 'acq-GREpha_T2starw'),
        ('rec-magnitude_T2starw', 'rec-phase_T2starw'),
        ('T2starw', 'rec-phase_T2starw'),
        ('acq-qsm_rec-MAG_run-1_T2starw', 'acq-qsm_rec-PHA_run-1_T2starw'),
        ('acq-SWIMag_GRE', 'acq-SWIPha_GRE'),
    ],
)
def test_parts_told_by_a_free_label_are_paired(dataset, magnitude, phase):
    facts = {'EchoTime': 0.02, **FIELD}
    unit = dataset({magnitude: ((4, 4, 4), facts), phase: ((4, 4, 4), facts)})
    assert unit.made == ('swi',)
    assert [path.name for path in unit.echoes.files[0]] == [
        f'sub-01_{name}.nii.gz' for name in (magnitude, phase)
    ]


def test_a_magnitude_need_not_say_so_whatever_its_scan_is_called(dataset):
    facts = {'EchoTime': 0.02, **FIELD}
    names = ('acq-SWI3D_GRE', 'acq-SWI3D_part-phase_GRE')
    unit = dataset(dict.fromkeys(names, ((4, 4, 4), facts)))
    assert [path.name for path in unit.echoes.files[0]] == [f'sub-01_{n}.nii.gz' for n in names]


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('rec-mag_run-1_T2starw', 'rec-phase_run-2_T2starw'),
        ('acq-a_rec-mag_T2starw', 'acq-b_rec-phase_T2starw'),
        ('acq-swi_T2starw', 'acq-swipha_T2starw'),
    ],
)
def test_parts_of_other_scans_or_of_a_ready_swi_are_not(dataset, one, other):
    facts = {'EchoTime': 0.02, **FIELD}
    unit = dataset({one: ((4, 4, 4), facts), other: ((4, 4, 4), facts)})
    assert unit.made == ()


def test_complex_images_need_no_partner(dataset):
    said = {'EchoTime': 0.01, **FIELD}
    unit = dataset({'acq-complex_T2starw': ((4, 4, 4), said)})
    assert unit.echoes.parts == ()
    assert unit.echoes.echo_times_s == (0.01,)


def test_all_echoes_may_lie_in_one_file(dataset):
    said = [{'EchoTime': [5, 10, 15], **FIELD}] * 2
    unit = dataset(pair(sidecars=said, shapes=[(4, 4, 4, 3)] * 2))
    assert unit.echoes.echo_times_s == (0.005, 0.01, 0.015)


def test_echo_times_in_ms_and_in_one_sidecar_alone_are_taken(dataset):
    assert dataset(pair(sidecars=[{}, {'EchoTime': 20, **FIELD}])).echoes.echo_times_s == (0.02,)


def test_what_is_given_goes_before_the_sidecars(dataset):
    unit = dataset(pair(sidecars=[{}, {}]), echo_times=(25.0,), field_strength=7.0)
    assert (unit.echoes.echo_times_s, unit.echoes.field_t) == ((0.025,), 7.0)


def test_the_scan_of_most_echoes_is_taken_and_the_other_named(dataset):
    unit = dataset({**pair(more='acq-a_'), **scan(0.01, 0.02)})
    assert len(unit.echoes.echo_times_s) == 2
    assert any('acq-a_part-mag_T2starw.nii.gz was not used' in note for note in unit.notes)


def test_an_echo_that_is_absent_altogether_is_noted(dataset):
    unit = dataset({**scan(0.005), **scan(0.015, first=3)})
    assert unit.echoes.echo_times_s == (0.005, 0.015)
    assert any('there is no echo 2' in note for note in unit.notes)


def without(files: dict, *names: str) -> dict:
    return {name: file for name, file in files.items() if name not in names}


@pytest.mark.parametrize(
    ('files', 'why'),
    [
        (
            without(scan(0.01, 0.02), 'echo-2_part-phase_MEGRE'),
            'no phase: give that of echo 2',
        ),
        (without(scan(0.01, 0.02), 'echo-1_part-mag_MEGRE'), 'has no magnitude: give that'),
        (
            {
                **without(scan(0.01, 0.02), *(f'echo-{n}_part-phase_MEGRE' for n in (1, 2))),
                'part-phase_MEGRE': ((4, 4, 4, 2), {'EchoTime': [0.01, 0.02], **FIELD}),
            },
            'only one of them has an echo-',
        ),
        (
            {
                'run-1_part-mag_MEGRE': ((4, 4, 4), {'EchoTime': 0.01, **FIELD}),
                'run-2_part-phase_MEGRE': ((4, 4, 4), {'EchoTime': 0.01, **FIELD}),
            },
            'run-2_part-phase_MEGRE.nii.gz has no magnitude with the same run',
        ),
        (scan(0.01, parts=('real',)), 'has no imaginary part'),
        (pair(suffix='MEGRE', shapes=((4, 4, 4), (4, 4, 5))), 'are not on one grid'),
        (pair(suffix='MEGRE', shapes=((4, 4, 4, 2), (4, 4, 4))), 'hold 2 and 1 volumes'),
        (pair(suffix='MEGRE', sidecars=[FIELD, FIELD]), '--echo-times'),
        (pair(suffix='MEGRE', sidecars=[{'EchoTime': 0.01}] * 2), '--field-strength'),
        (
            pair(suffix='MEGRE', sidecars=[{'EchoTime': t, **FIELD} for t in (0.01, 0.03)]),
            'different echo times',
        ),
        (scan(0.02, 0.01), 'do not grow'),
        (pair(suffix='MEGRE', sidecars=[{'EchoTime': 'late', **FIELD}] * 2), '--echo-times'),
    ],
)
def test_wrong_pairs_cost_the_unit_with_a_reason(dataset, files, why):
    unit = dataset(files)
    assert unit.made == ()
    assert why in unit.skipped


def test_wrong_pairs_are_noted_where_the_unit_can_do_without(dataset):
    broken = pair(suffix='MEGRE', sidecars=[FIELD, FIELD])
    unit = dataset({'rec-swi_T2starw': ((4, 4, 4), {}), **broken})
    assert (unit.made, unit.skipped) == ((), None)
    assert any('--echo-times' in note for note in unit.notes)
    assert '--echo-times' in dataset(broken, reconstruct='always').skipped


def test_too_few_echo_times_are_told(dataset):
    assert 'have 2 echoes' in dataset(scan(0.01, 0.02), echo_times=(5.0,)).skipped


def test_a_unit_without_phase_cannot_be_made_always(dataset):
    unit = dataset({'rec-swi_T2starw': ((4, 4, 4), {})}, reconstruct='always')
    assert 'no magnitude and phase were found' in unit.skipped
