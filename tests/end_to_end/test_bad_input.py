"""Images that cannot be used fail with a sentence each, and cost the others nothing."""

from __future__ import annotations

import json
from html import escape

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli.deepmir import main
from deepmir_bids.imaging.resampling import resample_to_image
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


def copy_t2w(path):
    """Give an image the values of the unit's T2w."""
    t2w = nib.load(path.with_name(path.name.replace(SUFFIX['swi'], SUFFIX['t2w'])))
    change(path, lambda d: resample_to_image(t2w, nib.load(path)).get_fdata())


def move(path):
    """Turn a head by four degrees, and shift it."""
    away = np.eye(4)
    away[:3, :3] = Rotation.from_euler('x', 4, degrees=True).as_matrix()
    away[:3, 3] = (3, -6, 9)
    change(path, lambda d: d, affine=away @ nib.load(path).affine)


def standardise(data):
    return (data - data.mean()) / data.std()


def wrap(data):
    return (data / data.max() * 60000).astype(np.uint16).view(np.int16).astype(np.float32)


def dim_slices(data):
    data[:, :, [20, 33]] *= 0.3
    return data


def turn_signs(data):
    data[:, :, ::2] *= -1
    return data


#: Label, image, how it is spoilt, and what has to be said of it: what a unit cannot do without.
SPOILT = [
    ('cut', 'swi', cut, 'cut short or damaged'),
    ('lies', 'swi', lie, 'what its header says'),
    ('4d', 'swi', lambda p: change(p, lambda d: np.stack([d, d], -1)), 'one 3D volume is needed'),
    ('nowhere', 'swi', lambda p: change(p, lambda d: d, code=0), 'neither qform nor sform'),
    ('zscored', 'swi', lambda p: change(p, standardise), 'z-scored'),
    ('inverted', 'swi', lambda p: change(p, lambda d: d.max() - d), 'inverted'),
    ('wrapped', 'swi', lambda p: change(p, wrap), 'wrap around'),
    ('t2w', 'swi', copy_t2w, 'as in a T2w'),
]
#: The same, of what a unit can do without; several images of one unit may be spoilt.
LEFT_OUT = [
    ('alone', 'qsm', lambda p: change(p, lambda d: 3 * d), 'scl_slope', 'qsm_unusable'),
    ('alone', 't2w', lambda p: change(p, lambda d: d * np.nan), 'NaN or infinite', 't2w_unusable'),
    ('nochi', 'qsm', lambda p: change(p, turn_signs), 'every other slice', 'qsm_unusable'),
    ('nochi', 't2w', None, 'do not seem to show one head', 't2w_mismatch'),
]
#: The same, of what is mended: ppb, with the sign turned, from where the head lay another day; and
#: two slices that are too dark.
MENDED = [
    ('mended', 'qsm', lambda p: change(p, lambda d: -1000 * d), 'multiplied by -0.001'),
    ('mended', 'qsm', move, 'it was moved onto it'),
    ('mended', 'swi', lambda p: change(p, dim_slices), 'count as not measured'),
]
SUFFIX = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap', 't2w': 'T2w'}
DONE = sorted({label for label, *_ in LEFT_OUT + MENDED})


@pytest.fixture(scope='module')
def done(tmp_path_factory, subject, deepmir):
    root = tmp_path_factory.mktemp('bad') / 'bids'
    create_dataset(root)
    for label, image, spoil, *_ in SPOILT + LEFT_OUT + MENDED:
        folder = root / f'sub-{label}' / 'anat'
        if not folder.exists():
            write_subject(root, label, subject(11))
        path = folder / f'sub-{label}_{SUFFIX[image]}.nii.gz'
        if spoil:
            spoil(path)
        else:
            nib.save(subject(12).t2w, path)
    return deepmir(root, tmp_path_factory.mktemp('run'), '--sloppy')


def test_every_spoilt_image_is_named_and_the_others_are_done(done):
    assert done.status == 1
    assert f'{len(DONE)} of {len(SPOILT) + len(DONE)} units done' in done.said


@pytest.mark.parametrize(('label', 'image', 'says'), [(s[0], s[1], s[3]) for s in SPOILT])
def test_the_sentence_names_file_and_cause(done, label, image, says):
    (line,) = [s for s in done.said.splitlines() if s.startswith(f'failed: sub-{label}:')]
    assert says in line
    assert f'sub-{label}_{SUFFIX[image]}.nii' in line
    assert not list((done.out_dir / f'sub-{label}').rglob('*.nii.gz'))
    page = (done.out_dir / f'sub-{label}.html').read_text()
    assert 'was not finished' in page
    assert escape(says) in page


def sidecar(done, label: str, ending: str) -> dict:
    path = done.out_dir / f'sub-{label}' / 'anat' / f'sub-{label}_space-SWI_{ending}.json'
    return json.loads(path.read_text())


@pytest.mark.parametrize(('label', 'image', 'says', 'flag'), [(*s[:2], *s[3:]) for s in LEFT_OUT])
def test_an_image_of_no_use_costs_that_image_alone(done, label, image, says, flag):
    lesions = sidecar(done, label, 'seg-deepmir_desc-lesions_dseg')
    assert lesions['InputsUsed'] == ['swi']
    assert image in lesions['InputsLeftOut']
    notes = ' '.join(lesions['Notes'])
    assert says in notes
    assert f'sub-{label}_{SUFFIX[image]}.nii' in notes
    assert flag in sidecar(done, label, 'desc-brain_mask')['Quality']['Flags']
    anat = done.out_dir / f'sub-{label}' / 'anat'
    assert not list(anat.glob(f'*desc-preproc_{SUFFIX[image]}*'))
    page = (done.out_dir / f'sub-{label}.html').read_text()
    assert escape(says) in page
    assert 'Left out, being of no use' in page
    assert 'could not be used' in lesions['Description']


@pytest.mark.parametrize(('label', 'says'), [(m[0], m[3]) for m in MENDED])
def test_a_conversion_stands_in_the_sidecar(done, label, says):
    assert says in ' '.join(sidecar(done, label, 'seg-deepmir_desc-lesions_dseg')['Notes'])
    chi = sidecar(done, label, 'desc-preproc_Chimap')
    assert chi['ConversionFactor'] == -0.001
    assert chi['Units'] == 'ppm'


def test_a_map_from_another_place_lies_on_the_swi(done, subject):
    name = 'sub-mended_space-SWI_desc-preproc_Chimap.nii.gz'
    chi = nib.load(done.out_dir / 'sub-mended' / 'anat' / name).get_fdata()
    truth = subject(11).qsm.get_fdata()
    both = (chi != 0) & (truth != 0)
    assert both.sum() > 0.95 * (truth != 0).sum()
    assert np.corrcoef(chi[both], truth[both])[0, 1] > 0.8


def test_the_group_level_shows_the_flags(done):
    assert main([str(done.out_dir), str(done.out_dir), 'group', '--allow-mixed']) == 0
    qc = read_tsv(done.out_dir / 'group_qc.tsv').set_index('participant_id')
    assert qc.loc['sub-nochi', 'flags'] == 'qsm_unusable,t2w_mismatch'
    assert qc.loc['sub-mended', 'flags'] == 'qsm_moved,swi_slices'
    assert float(qc.loc['sub-mended', 'qsm_shift_mm']) == pytest.approx(13, abs=6)
