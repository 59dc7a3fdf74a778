"""Images that cannot be used fail with a sentence each, and cost the others nothing."""

from __future__ import annotations

import json
from html import escape

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

pytestmark = [pytest.mark.slow, pytest.mark.long]


def change(path, function, **header):
    """Rewrite the values, and parts of the header, of an image."""
    image = nib.load(path)
    affine = header.get('affine', image.affine)
    new = nib.Nifti1Image(function(image.get_fdata(dtype=np.float32)), affine)
    new.set_qform(affine, header.get('code', 1))
    new.set_sform(affine, header.get('code', 1))
    nib.save(new, path)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lie(path):
    """Leave the header of a whole image before a part of its values."""
    image = nib.load(path)
    plain = path.with_suffix('').with_suffix('.nii')
    nib.save(image, plain)
    plain.write_bytes(plain.read_bytes()[:-5000])
    path.unlink()


#: Label, image, how it is spoilt, and what has to be said of it.
SPOILT = [
    ('cut', 'swi', cut, 'cut short or damaged'),
    ('lies', 'swi', lie, 'what its header says'),
    ('4d', 'swi', lambda p: change(p, lambda d: np.stack([d, d], -1)), 'one 3D volume is needed'),
    ('zero', 'qsm', lambda p: change(p, np.zeros_like), 'a single value (0)'),
    ('nan', 't2w', lambda p: change(p, lambda d: d * np.nan), 'NaN or infinite in 100%'),
    ('nowhere', 'swi', lambda p: change(p, lambda d: d, code=0), 'neither qform nor sform'),
    ('noqsm', 'qsm', lambda p: change(p, lambda d: np.abs(d) + 100), 'one sign only'),
]
#: The same, for what is mended: ppb, with the sign turned.
MENDED = [('mended', 'qsm', lambda p: change(p, lambda d: -1000 * d), 'multiplied by -0.001')]
SUFFIX = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap', 't2w': 'T2w'}


@pytest.fixture(scope='module')
def done(tmp_path_factory, subject, deepmir):
    root = tmp_path_factory.mktemp('bad') / 'bids'
    create_dataset(root)
    for label, image, spoil, _ in SPOILT + MENDED:
        write_subject(root, label, subject(11))
        spoil(root / f'sub-{label}' / 'anat' / f'sub-{label}_{SUFFIX[image]}.nii.gz')
    return deepmir(root, tmp_path_factory.mktemp('run'), '--sloppy')


def test_every_spoilt_image_is_named_and_the_mended_ones_are_done(done):
    assert done.status == 1
    assert f'{len(MENDED)} of {len(SPOILT + MENDED)} units done' in done.said


@pytest.mark.parametrize(('label', 'image', 'says'), [(s[0], s[1], s[3]) for s in SPOILT])
def test_the_sentence_names_file_and_cause(done, label, image, says):
    (line,) = [s for s in done.said.splitlines() if s.startswith(f'failed: sub-{label}:')]
    assert says in line
    assert f'sub-{label}_{SUFFIX[image]}.nii' in line
    assert not list((done.out_dir / f'sub-{label}').rglob('*.nii.gz'))
    page = (done.out_dir / f'sub-{label}.html').read_text()
    assert 'was not finished' in page
    assert escape(says) in page


@pytest.mark.parametrize(('label', 'says'), [(m[0], m[3]) for m in MENDED])
def test_a_conversion_stands_in_the_sidecar(done, label, says):
    anat = done.out_dir / f'sub-{label}' / 'anat'
    name = f'sub-{label}_space-SWI_seg-deepmir_desc-lesions_dseg.json'
    assert says in ' '.join(json.loads((anat / name).read_text())['Notes'])
    sidecar = json.loads((anat / f'sub-{label}_space-SWI_desc-preproc_Chimap.json').read_text())
    assert f'{sidecar["ConversionFactor"]:g}' in says
    assert sidecar['Units'] == 'ppm'


def test_another_head_in_the_t2w_is_refused(tmp_path, subject, deepmir):
    root = tmp_path / 'bids'
    create_dataset(root)
    write_subject(root, '01', subject(11))
    other = subject(12).t2w
    nib.save(other, root / 'sub-01' / 'anat' / 'sub-01_T2w.nii.gz')
    done = deepmir(root, tmp_path, '--sloppy')
    assert done.status == 1
    assert 'failed: sub-01:' in done.said
    assert 'sub-01_T2w.nii.gz' in done.said
