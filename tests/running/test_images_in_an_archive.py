"""Images as archives have them, through the command: what is mended is told, the rest refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.bids.tsv import read_rows
from deepmir_bids.cli.deepmir import main

SHAPE, AFFINE = (48, 48, 40), np.diag([4.0, 4.0, 4.0, 1.0])
SUFFIX = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap'}


def ball(radius: float) -> np.ndarray:
    points = np.indices(SHAPE) - (np.array(SHAPE)[:, None, None, None] - 1) / 2
    return np.linalg.norm(points, axis=0) < radius


HEAD, BRAIN = ball(18), ball(15)
RANDOM = np.random.default_rng(5)
SWI = np.where(HEAD, RANDOM.normal(300, 8, SHAPE), np.abs(RANDOM.normal(0, 4, SHAPE)))
SWI = SWI.astype(np.float32)
QSM = np.where(BRAIN, 0.15 * gaussian_filter(RANDOM.normal(0, 1, SHAPE), 1.0), 0)
QSM = QSM.astype(np.float32)
PHASE = RANDOM.uniform(-np.pi, np.pi, SHAPE).astype(np.float32)
SMOOTH_PHASE = 0.3 * gaussian_filter(PHASE, 0.8)


def image(values: np.ndarray, affine: np.ndarray = AFFINE, unit: str = 'mm') -> nib.Nifti1Image:
    made = nib.Nifti1Image(values, affine)
    made.set_qform(affine, code=1)
    made.set_sform(affine, code=1)
    made.header.set_xyzt_units(unit)
    return made


def sheared() -> nib.Nifti1Image:
    affine = AFFINE.copy()
    affine[0, 1] = 4 * np.sin(np.deg2rad(0.5))
    made = nib.Nifti1Image(SWI, affine)
    made.set_sform(affine, code=1)
    return made


def two_forms() -> nib.Nifti1Image:
    made = image(SWI)
    other = AFFINE.copy()
    other[:3, 3] = (0, 5, 0)
    made.set_qform(other, code=1)
    return made


def with_scale(values: np.ndarray, slope: float) -> nib.Nifti1Image:
    made = image(np.round(values).astype(np.int16))
    made.header.set_slope_inter(slope, 0)
    return made


def spoil_qsm(change: Callable[[np.ndarray], np.ndarray]) -> nib.Nifti1Image:
    return image(change(QSM.copy()).astype(np.float32))


def dots(chi: np.ndarray) -> np.ndarray:
    return np.where(BRAIN & (RANDOM.random(SHAPE) < 0.003), 1.0, chi)


def rim(chi: np.ndarray) -> np.ndarray:
    edge = BRAIN & ~binary_erosion(BRAIN)
    return np.where(edge, RANDOM.choice([-0.3, 0.3], SHAPE), chi)


def turn_signs(chi: np.ndarray) -> np.ndarray:
    chi[:, :, ::2] *= -1
    return chi


#: Participant, image, and what has to be noted: it is used.
MENDED = {
    'offset': ('swi', image(SWI + 1000), 'was subtracted'),
    'complex': ('swi', image((SWI * np.exp(1j * PHASE)).astype(np.complex64)), 'complex numbers'),
    'microns': ('swi', image(SWI, np.diag([4e3, 4e3, 4e3, 1]), 'micron'), ''),
    'metres': ('swi', image(SWI, np.diag([4e-3, 4e-3, 4e-3, 1]), 'meter'), ''),
    'sheared': ('swi', sheared(), 'not quite at right angles'),
    'forms': ('swi', two_forms(), 'qform and sform differ by up to 5.0 mm'),
    'nans': ('qsm', spoil_qsm(lambda chi: np.where(BRAIN, chi, np.nan)), 'NaN or infinite'),
    'dots': ('qsm', spoil_qsm(dots), 'stand out alone were levelled'),
    'rim': ('qsm', spoil_qsm(rim), 'at the edge of the map'),
}
#: The same of what is not used.
REFUSED = {
    'phase': ('swi', image(PHASE), 'no magnitude'),
    'unsigned': ('swi', image((PHASE + np.pi) / (2 * np.pi) * 4095), 'no magnitude'),
    'signed': ('swi', with_scale(PHASE / np.pi * 4096, 1), 'no magnitude'),
    'filtered': ('swi', image(np.where(HEAD, SMOOTH_PHASE, 0)), 'negative values'),
    'zscored': ('swi', image((SWI - SWI.mean()) / SWI.std()), 'z-scored'),
    'inverted': ('swi', image(SWI.max() - SWI), 'inverted'),
    'wrapped': (
        'swi',
        image((SWI * 200).astype(np.uint16).view(np.int16).astype(np.float32)),
        'no magnitude',
    ),
    'chi': ('swi', image(QSM), 'negative values'),
    'stack': ('swi', image(np.stack([SWI, PHASE], -1)), 'a magnitude and a phase image'),
    'echoes': ('swi', image(np.stack([SWI, SWI], -1)), 'one 3D volume'),
    'skewed': ('swi', nib.Nifti1Image(SWI, AFFINE + 0.5 * np.eye(4, k=1)), 'sheared'),
    'signs': ('qsm', spoil_qsm(turn_signs), 'every other slice'),
}
SPOILT = MENDED | REFUSED


@pytest.fixture(scope='module')
def archive(tmp_path_factory) -> Path:
    """A dataset in which each participant but one has an image of a kind."""
    root = tmp_path_factory.mktemp('archive')
    (root / 'bids').mkdir()
    (root / 'bids' / 'dataset_description.json').write_text(
        '{"Name": "a", "BIDSVersion": "1.9.0"}'
    )
    for label in ('sound', *SPOILT):
        images = {'swi': image(SWI), 'qsm': image(QSM)}
        if label in SPOILT:
            name, spoilt, _ = SPOILT[label]
            images[name] = spoilt
        for name, made in images.items():
            path = root / 'bids' / f'sub-{label}' / 'anat' / f'sub-{label}_{SUFFIX[name]}.nii.gz'
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(made, path)
    return root


@pytest.fixture(scope='module')
def rows(archive) -> dict[tuple[str, str], dict[str, str]]:
    """What the audit says, by participant and image."""
    given = ['--dry-run', '--report', str(archive / 'audit.tsv'), '--nprocs', '2']
    given += ['--template', SPACE, '--atlas', 'builtin', '--work-dir', str(archive / 'work')]
    with redirect_stdout(io.StringIO()):
        status = main([str(archive / 'bids'), str(archive / 'out'), 'participant', *given])
    assert status == 1
    return {
        (row['participant_id'][4:], row['input']): row for row in read_rows(archive / 'audit.tsv')
    }


def test_what_is_sound_has_no_note(rows):
    for name in SUFFIX:
        row = rows['sound', name]
        assert (row['expected'], row['notes']) == ('ok', 'n/a')


@pytest.mark.parametrize('label', MENDED)
def test_what_can_be_mended_is_used_and_noted(rows, label):
    name, _, says = MENDED[label]
    row = rows[label, name]
    assert row['expected'] == 'ok'
    assert row['unit'] == 'ready'
    assert says in row['notes']
    assert row['notes'] == 'n/a' or says
    sides = [float(side) for side in row['voxel_size'].split('x')]
    assert sides == pytest.approx([4, 4, 4], rel=1e-3)


@pytest.mark.parametrize('label', REFUSED)
def test_what_would_give_wrong_results_is_refused(rows, label):
    name, _, says = REFUSED[label]
    row = rows[label, name]
    assert says in row['expected']
    assert row['expected'].startswith('would fail' if name == 'swi' else 'would be left out')
    assert row['unit'].startswith('would fail' if name == 'swi' else 'ready')
    others = [rows[label, other]['expected'] for other in SUFFIX if other != name]
    assert others == ['ok']
