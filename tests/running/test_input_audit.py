"""The audit before a run: what it says of a file is what a run does with it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nipype.interfaces.base import isdefined

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.bids.input_candidates import Candidate
from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.bids.tsv import read_rows
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cli.deepmir import main
from deepmir_bids.imaging.load_input import ROLES
from deepmir_bids.imaging.nifti_file import read_image
from deepmir_bids.interfaces.imaging import LoadVolume
from deepmir_bids.model.keras_import import import_keras
from deepmir_bids.model.network_choice import build
from deepmir_bids.running.input_audit import audit_file, audit_unit
from deepmir_bids.settings import Settings

RNG = np.random.default_rng(0)
SHAPE, ZOOMS = (24, 24, 16), (4, 4, 5)
SUFFIX = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap', 't2w': 'T2w', 'brain_mask': 'desc-brain_mask'}
BUILTIN = ('--template', SPACE, '--atlas', 'builtin')
PARTICIPANTS, MOST_SECONDS = 1000, 60


def head(name: str) -> np.ndarray:
    """A ball of brain, as an input shows it."""
    points = (np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2) * ZOOMS
    inside = (np.linalg.norm(points, axis=-1) < 36).T
    if name == 'brain_mask':
        return inside
    if name == 'qsm':
        return np.where(inside, RNG.normal(0, 0.02, SHAPE), 0)
    return np.where(inside, RNG.normal(100, 3, SHAPE), np.abs(RNG.normal(0, 1, SHAPE)))


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-ZOOMS[0], *ZOOMS[1:], 1])
    image = nib.Nifti1Image(values.astype(np.float32), affine)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def unlink_from_annex(path: Path) -> None:
    path.unlink()
    path.symlink_to('../../.git/annex/objects/aa/bb/MD5E-s9--0.nii.gz')


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to('nowhere.nii.gz')


def point(path: Path) -> None:
    path.write_text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n')


def break_header(path: Path) -> None:
    """Give the values a type that nobody knows."""
    image = nib.load(path)
    header = bytearray(image.to_bytes())
    header[70:72] = (4096).to_bytes(2, 'little')
    path.unlink()
    path.with_suffix('').write_bytes(header)


#: Participant, what is done to which of its images, and what has to be expected of it.
SPOILT = {
    'annexed': ('swi', unlink_from_annex, 'would fail: ', 'datalad get'),
    'phase': ('swi', lambda p: save(p, RNG.uniform(0, 4095, SHAPE)), 'would fail: ', 'phase'),
    'cut': ('swi', cut, 'would fail: ', 'cut short'),
    'masked': ('brain_mask', cut, 'would be left out: ', 'cut short'),
    'zeros': ('qsm', lambda p: save(p, np.zeros(SHAPE)), 'would be left out: ', 'a single value'),
    'pointer': ('qsm', point, 'would be left out: ', 'git lfs pull'),
    'empty': ('t2w', lambda p: p.write_bytes(b''), 'would be left out: ', 'is empty'),
    'dangling': ('t2w', dangle, 'would be left out: ', 'nowhere.nii.gz'),
    'header': ('t2w', break_header, 'would be left out: ', 'not recognized'),
}
FAIL = sorted(label for label, (_, _, expected, _) in SPOILT.items() if 'fail' in expected)


def place(root: Path, label: str, name: str) -> Path:
    dataset = root / {'qsm': 'maps', 'brain_mask': 'masks'}.get(name, 'raw')
    return dataset / f'sub-{label}' / 'anat' / f'sub-{label}_{SUFFIX[name]}.nii.gz'


def describe(*roots: Path) -> None:
    for root in roots:
        root.mkdir(parents=True, exist_ok=True)
        (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')


@pytest.fixture(scope='module')
def cohort(tmp_path_factory) -> Path:
    """Participants with all images, of whom most have a spoilt one."""
    root = tmp_path_factory.mktemp('audit')
    describe(root / 'raw', root / 'maps', root / 'masks')
    for label in ('good', *SPOILT):
        for name in SUFFIX:
            save(place(root, label, name), head(name))
    for label, (name, spoil, *_) in SPOILT.items():
        spoil(place(root, label, name))
    save(root / 'raw/sub-good/anat/sub-good_acq-minIP_swi.nii.gz', head('swi') + np.nan)
    save(place(root, 'noswi', 't2w'), head('t2w'))
    (root / 'raw/sub-nothing/anat').mkdir(parents=True)
    return root


def command(root: Path) -> list[str]:
    given = ['--derivatives', f'maps={root}/maps', '--work-dir', str(root / 'work'), *BUILTIN]
    return [str(root / 'raw'), str(root / 'out'), 'participant', '--dry-run', *given]


@pytest.fixture(scope='module')
def audited(cohort) -> tuple[str, list[dict[str, str]]]:
    """What the command says of them, and the rows of its table."""
    table, said = cohort / 'audit.tsv', io.StringIO()
    given = ['--brain-mask-from', f'masks={cohort}/masks', '--report', str(table)]
    with redirect_stdout(said):
        assert main([*command(cohort), *given, '--nprocs', '2']) == 1
    assert {p.name for p in cohort.iterdir()} == {'raw', 'maps', 'masks', 'audit.tsv'}
    return said.getvalue(), read_rows(table)


def test_every_file_has_a_row(audited):
    _, rows = audited
    good = [row for row in rows if row['participant_id'] == 'sub-good']
    assert [(row['input'], row['dataset'], row['expected']) for row in good] == [
        ('swi', 'raw', 'ok'),
        ('swi', 'raw', 'not used'),
        ('qsm', 'maps', 'ok'),
        ('t2w', 'raw', 'ok'),
        ('brain_mask', 'masks', 'ok'),
    ]
    swi, minip, qsm, *_, mask = good
    assert swi['file'] == 'sub-good/anat/sub-good_rec-swi_T2starw.nii.gz'
    assert (swi['orientation'], swi['shape'], swi['voxel_size']) == ('LAS', '24x24x16', '4x4x5')
    assert (swi['field_of_view'], swi['fetched'], swi['session_id']) == ('96x96x80', 'yes', 'n/a')
    assert 'minimum intensity' in minip['reason']
    assert (minip['verdict'], minip['nans'], minip['min']) == ('left out', '1.0000', 'n/a')
    assert float(qsm['zeros']) == pytest.approx((head('qsm') == 0).mean(), abs=1e-4)
    assert (mask['min'], mask['max']) == ('0', '1')


@pytest.mark.parametrize('label', SPOILT)
def test_what_is_spoilt_is_told_with_the_reason(audited, label):
    said, rows = audited
    name, _, expected, why = SPOILT[label]
    found = {row['input']: row for row in rows if row['participant_id'] == f'sub-{label}'}
    assert found[name]['expected'].startswith(expected)
    assert why in found[name]['expected']
    assert all(row['expected'] == 'ok' for other, row in found.items() if other != name)
    assert found['swi']['unit'].startswith('would fail: ' if label in FAIL else 'ready')
    there = 'no' if label in ('annexed', 'pointer', 'dangling') else 'yes'
    assert found[name]['fetched'] == there
    of_unit = said.split(f'sub-{label}\n')[1].split('\nsub-')[0]
    assert expected in of_unit
    assert why in of_unit


def test_a_unit_without_any_file_has_a_row(audited):
    _, rows = audited
    lacking = [row for row in rows if row['unit'].startswith('skipped: no SWI')]
    assert [(row['participant_id'], row['input']) for row in lacking] == [
        ('sub-noswi', 't2w'),
        ('sub-nothing', 'n/a'),
    ]


def test_the_last_lines_sum_up(audited):
    lines = audited[0].splitlines()
    ready = len(SPOILT) + 1 - len(FAIL)
    start = lines.index(
        f'{ready} of {ready + len(FAIL) + 2} units are ready; {len(FAIL)} would fail, '
        '2 would be skipped, 9 have notes'
    )
    assert lines[start + 1] == '3 files are not on this disk'
    assert [line.split(':')[0] for line in lines[start + 2 :]] == [
        f'sub-{label}' for label in ['noswi', 'nothing', *FAIL]
    ]
    assert any(line.startswith('steps of ') for line in lines)


def test_a_run_does_what_the_audit_expects(cohort, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for label in ('good', *SPOILT):
        for name, role in ROLES.items():
            path = place(cohort, label, name)
            file = path if os.path.lexists(path) else path.with_suffix('')
            audit = audit_file(Candidate(name, file))
            if audit.fatal and audit.fault:
                with pytest.raises(Exception, match=file.name):
                    LoadVolume(in_file=str(file), role=role).run()
                continue
            outputs = LoadVolume(in_file=str(file), role=role).run().outputs
            assert isdefined(outputs.out_file) == (audit.fault == '')


def test_a_file_that_raises_anything_costs_itself_alone(monkeypatch):
    def fail(path):
        raise RuntimeError('boom')

    monkeypatch.setattr('deepmir_bids.running.input_audit.read_image', fail)
    audit = audit_file(Candidate('t2w', Path('sub-01_T2w.nii')))
    assert audit.expected == 'would fail: sub-01_T2w.nii: RuntimeError: boom'


@pytest.mark.parametrize('spoilt', [False, True])
def test_an_echo_is_read_once(tmp_path, monkeypatch, spoilt):
    files = []
    for number, phase in ((1, 'wrapped'), (2, 'constant' if spoilt else 'wrapped')):
        values = RNG.uniform(-np.pi, np.pi, SHAPE) if phase == 'wrapped' else np.ones(SHAPE)
        names = [f'sub-01_echo-{number}_part-{part}_T2starw.nii.gz' for part in ('mag', 'phase')]
        pair = (save(tmp_path / names[0], head('swi')), save(tmp_path / names[1], values))
        files.append(pair)
    echoes = RawEchoes(tuple(files), ('mag', 'phase'), (0.01, 0.02), 3.0)
    unit = Unit(
        '01',
        swi=echoes.reference,
        echoes=echoes,
        made=('swi',),
        candidates=(
            Candidate('swi', echoes.reference, 'it is made'),
            *(Candidate('echoes', path) for path in echoes.paths),
        ),
    )
    reads = Counter()

    def read(path):
        reads[path] += 1
        return read_image(path)

    for module in ('running.input_audit', 'reconstruction.read_echoes'):
        monkeypatch.setattr(f'deepmir_bids.{module}.read_image', read)
    audit = audit_unit(Settings(tmp_path, tmp_path, tmp_path), unit)
    assert reads == dict.fromkeys(echoes.paths, 1)
    assert [file.summary.shape for file in audit.files] == [SHAPE] * 5
    assert ('echo-2_part-phase' in audit.failing) == spoilt


def test_a_unit_fails_where_the_model_needs_what_would_be_left_out(cohort, tmp_path, write_keras):
    write_keras(tmp_path / 'a.h5', build('DeepMIR2D', {'inputs': 2, 'outputs': 3, 'width': 2}))
    import_keras(tmp_path / 'a.h5', tmp_path / 'authors', ('swi', 'qsm'))
    settings = Settings(tmp_path, tmp_path, tmp_path, model=str(tmp_path / 'authors'))

    def expected(label: str) -> str:
        files = {name: place(cohort, label, name) for name in ('swi', 'qsm')}
        candidates = tuple(Candidate(name, path) for name, path in files.items())
        return audit_unit(settings, Unit(label, candidates=candidates, **files)).expected

    assert expected('good') == 'ready'
    assert expected('zeros').startswith('would fail: The model "authors" needs swi, qsm')


@pytest.mark.parametrize(
    ('report', 'options', 'says'),
    [
        ('a.tsv', [], 'goes with --dry-run'),
        ('raw/a.tsv', ['--dry-run'], 'inside the BIDS dataset'),
        ('raw/derivatives/a.tsv', ['--dry-run'], 'inside the BIDS dataset'),
        ('a.nii.gz', ['--dry-run'], 'ends in .tsv'),
        ('nowhere/a.tsv', ['--dry-run'], 'a folder that is there'),
    ],
)
def test_a_report_that_cannot_be_is_refused(cohort, capsys, report, options, says):
    given = [one for one in command(cohort) if one != '--dry-run']
    assert main([*given, *options, '--report', str(cohort / report)]) == 2
    assert says in capsys.readouterr().err
    assert not (cohort / report).exists()


@pytest.mark.long
def test_a_cohort_is_audited_in_a_minute(tmp_path, children_cpu_s):
    describe(tmp_path / 'raw', tmp_path / 'maps')
    inputs = ('swi', 'qsm', 't2w')
    images = {name: save(tmp_path / f'{name}.nii.gz', head(name)) for name in inputs}
    for number in range(PARTICIPANTS):
        for name, image in images.items():
            path = place(tmp_path, f'{number:04d}', name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image.read_bytes())
    report = ['--report', str(tmp_path / 'audit.tsv'), '--nprocs', '2']
    before = children_cpu_s()
    done = subprocess.run(
        [sys.executable, '-m', 'deepmir_bids.cli.deepmir', *command(tmp_path), *report],
        capture_output=True,
        text=True,
        check=True,
    )
    # What others do on this machine does not count: a minute of two cores.
    assert children_cpu_s() - before < 2 * MOST_SECONDS
    assert f'{PARTICIPANTS} of {PARTICIPANTS} units are ready' in done.stdout
    rows = read_rows(tmp_path / 'audit.tsv')
    assert [row['participant_id'] for row in rows[::3]] == [
        f'sub-{number:04d}' for number in range(PARTICIPANTS)
    ]
