"""Images that are damaged, or whose headers lie: refused in a sentence, at no cost."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.nifti_file import read_image
from deepmir_bids.imaging.read_image import load_volume

VALUES = np.random.default_rng(0).normal(100, 10, (8, 9, 10)).astype(np.float32)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'sub-01_swi.nii.gz'
    nib.save(nib.Nifti1Image(VALUES, np.eye(4)), path)
    return path


def with_header(path, data=VALUES, kind=nib.Nifti1Image, **fields):
    """Write an image whose header has been given other values."""
    made = kind(data, np.eye(4))
    raw = bytearray(made.to_bytes())
    header = made.header.structarr.copy()
    header['vox_offset'] = header['vox_offset'] or 352
    for name, value in fields.items():
        header[name] = value
    raw[: made.header.sizeof_hdr] = header.tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == '.gz' else raw)
    return path


def test_a_flipped_bit_anywhere_in_the_voxels_is_found(image):
    whole = image.read_bytes()
    for place in np.random.default_rng(0).integers(200, len(whole), 30):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place % 8)
        image.write_bytes(damaged)
        with pytest.raises(InputError, match='copy it again'):
            read_image(image)


@pytest.mark.parametrize('missing', [1, 4, 8, 9])
def test_the_end_of_a_compressed_file_is_wanted(image, missing):
    image.write_bytes(image.read_bytes()[:-missing])
    with pytest.raises(InputError, match='cut short or damaged'):
        read_image(image)


def test_what_may_follow_the_voxels(image):
    whole = image.read_bytes()
    image.write_bytes(whole + gzip.compress(b'') + bytes(512))
    np.testing.assert_array_equal(read_image(image)[1], VALUES)
    image.write_bytes(whole + b'something else')
    with pytest.raises(InputError, match='cut short or damaged'):
        read_image(image)
    image.write_bytes(whole + gzip.compress(bytes(100_000)))
    with pytest.raises(InputError, match='goes on for as long'):
        read_image(image)


@pytest.mark.parametrize('name', ['a.nii', 'a.nii.gz'])
@pytest.mark.parametrize(
    ('kind', 'shape'),
    [
        (nib.Nifti1Image, (1000, 1000, 800)),
        (nib.Nifti1Image, (32767, 32767, 32767)),
        (nib.Nifti2Image, (60000, 60000, 60000)),
        (nib.Nifti2Image, (2**62, 2**62, 2**62)),
    ],
)
def test_no_memory_is_taken_for_what_a_header_makes_up(tmp_path, name, kind, shape):
    path = with_header(tmp_path / name, kind=kind, dim=[3, *shape, 1, 1, 1, 1])
    tracemalloc.start()
    with pytest.raises(InputError, match='what its header says'):
        read_image(path)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 5e6


def test_a_compressed_file_takes_no_more_than_what_it_holds(tmp_path):
    # 300 kB could hold 300 MB, and this one does not.
    noise = np.random.default_rng(0).bytes(300_000)
    path = with_header(
        tmp_path / 'a.nii.gz',
        np.frombuffer(noise, np.uint8).reshape(100, 100, 30),
        dim=[3, 600, 600, 600, 1, 1, 1, 1],
    )
    Path('/proc/self/clear_refs').write_text('5')  # the peak is counted from here
    before = _peak_kb()
    with pytest.raises(InputError, match='cut short'):
        read_image(path)
    assert _peak_kb() - before < 50_000


def _peak_kb() -> int:
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))


@pytest.mark.parametrize(
    'fields',
    [
        {'vox_offset': np.nan},
        {'vox_offset': np.inf},
        {'vox_offset': 0},
        {'vox_offset': -400},
        {'datatype': 12345},
        {'datatype': 128},
        {'magic': b'xxx'},
        {'dim': [0] * 8},
        {'dim': [3, -5, 9, 10, 1, 1, 1, 1]},
        {'scl_slope': 1, 'scl_inter': np.nan},
        {'pixdim': [1, np.inf, 1, 1, 1, 1, 1, 1], 'sform_code': 0, 'qform_code': 1},
        {'quatern_b': 2, 'qform_code': 1},
        {'srow_x': [3e38, 0, 0, 0], 'xyzt_units': 1, 'sform_code': 1},
        {'sizeof_hdr': 0},
    ],
    ids=str,
)
def test_a_nonsensical_header_is_one_sentence_with_a_cure(tmp_path, fields):
    path = with_header(tmp_path / 'a.nii', **fields)
    with pytest.raises(InputError) as error:
        load_volume(path)
    assert str(error.value).startswith(f'{path} ')
    assert str(error.value).endswith('convert it again.')
    assert '\n' not in str(error.value)


def test_extensions_of_any_kind_are_passed_over(tmp_path):
    image = nib.Nifti1Image(VALUES, np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension('comment', b'x' * 40))
    raw = bytearray(image.to_bytes())
    raw[352:360] = b'\xff' * 8
    path = tmp_path / 'a.nii'
    path.write_bytes(raw)
    np.testing.assert_array_equal(read_image(path)[1], VALUES)


def test_what_nibabel_mends_is_said_with_the_name_of_the_file(tmp_path, caplog):
    path = with_header(tmp_path / 'a.nii', pixdim=[1, -1, 1, 1, 1, 1, 1, 1])
    read_image(path)
    assert str(path) in caplog.text


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_not_waited_for(tmp_path, make):
    path = tmp_path / 'sub-01_swi.nii.gz'
    make(path)
    with pytest.raises(InputError, match=r'is not a file|cannot be read'):
        load_volume(path)
