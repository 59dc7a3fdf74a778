"""Images whose headers, bytes and compression were changed."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import strategies as st

from hostile.pieces import EDITS, NUMBERS, edited


@cache
def _sound_images() -> list[tuple[bytes, np.dtype]]:
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    kinds = (nib.Nifti1Image, nib.Nifti2Image)
    images = [kind(values.astype(dtype), np.eye(4)) for kind in kinds for dtype in ('i2', 'f4')]
    return [(image.to_bytes(), image.header.structarr.dtype) for image in images]


@st.composite
def images(draw) -> tuple[str, bytes]:
    """An image's name and bytes: fields of the header, bytes and the compression are changed."""
    raw, dtype = draw(st.sampled_from(_sound_images()))
    header = np.frombuffer(raw[: dtype.itemsize], dtype).copy()
    for name in draw(st.lists(st.sampled_from(list(dtype.names)), max_size=4)):
        field = header[name].reshape(-1)
        place = draw(st.integers(0, field.size - 1))
        if field.dtype.kind == 'S':
            field[place] = draw(st.binary(max_size=8))
            continue
        value = draw(NUMBERS)
        if field.dtype.kind != 'f':
            if not np.isfinite(value):
                continue
            value = np.int64(int(value) % 2**63).astype(field.dtype)
        with np.errstate(all='ignore'):
            field[place] = value
        header[name] = field.reshape(header[name].shape)
    raw = edited(header.tobytes() + raw[dtype.itemsize :], draw(EDITS), dtype.itemsize + 4)
    raw = raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 5)) == 0 else raw
    if draw(st.booleans()):
        return 'sub-01_swi.nii', raw
    zipped = gzip.compress(raw, 1)
    if draw(st.booleans()):
        zipped = edited(zipped, draw(EDITS))
        zipped = zipped[: draw(st.integers(0, len(zipped)))] + draw(st.binary(max_size=9))
    return 'sub-01_swi.nii.gz', zipped


def read_volume(folder: Path, made: tuple[str, bytes]) -> None:
    """As the first step of a unit does."""
    from deepmir_bids.imaging.image_content import load_magnitude

    path = folder / made[0]
    path.write_bytes(made[1])
    volume = load_magnitude(path)[0]
    assert np.isfinite(volume.affine).all()
    assert np.isfinite(volume.get_fdata()).all()
