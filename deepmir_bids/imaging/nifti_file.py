"""NIfTI files that may be damaged, or lie: looked at before they are believed.

What a header promises is compared with what the file can hold before memory is taken for it, and a
compressed file is read to its very end, where its checksum is.
"""

from __future__ import annotations

import gzip
import io
import logging
import math
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deepmir_bids.errors import AbsentError, InputError, in_brief

if TYPE_CHECKING:
    import nibabel as nib

#: Where git-annex keeps what it has fetched.
ANNEX = '/annex/objects/'
#: Pointers of git-annex and Git LFS are shorter than this.
POINTER_BYTES = 1024
#: A compressed file holds at most so many times its own size (zlib, "Technical Details").
MOST_DEFLATED = 1032
#: Size of the headers of NIfTI-1 and 2, which is also what they begin with.
NIFTI1_BYTES, NIFTI2_BYTES = 348, 540
BLOCK_BYTES = 1 << 20
_ORDERS: tuple[Literal['little', 'big'], ...] = ('little', 'big')


def read_image(path: Path) -> tuple[nib.Nifti1Image, np.ndarray]:
    """Read an image of whatever shape.

    Returns
    -------
    image
        nibabel's image, for its header and its affine.
    values
        float32, of the image's shape.

    Raises
    ------
    InputError
        The file is damaged, or is no image.

    """
    with _opened(path) as file:
        header = _believable_header(path, file)
        voxels: Path | io.BytesIO = path
        if _zipped(path):
            # One pass: nibabel would stop at the last voxel, ahead of the checksum.
            voxels = io.BytesIO(_to_the_end(path, file, _bytes_needed(header)))
        image = _image(header, voxels, path)
        if np.issubdtype(image.get_data_dtype(), np.complexfloating):
            return image, np.abs(np.asanyarray(image.dataobj)).astype(np.float32)
        return image, np.asanyarray(image.dataobj, dtype=np.float32)


def read_grid(path: Path) -> nib.Nifti1Image:
    """Read an image's header alone, for its shape and its affine.

    Raises
    ------
    InputError
        The file is no image.

    """
    with _opened(path) as file:
        return _image(_believable_header(path, file), path, path)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an image, compressed or not."""
    _check_presence(path)
    with explained(path), gzip.open(path) if _zipped(path) else path.open('rb') as file:
        yield file


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Make whatever nibabel and numpy say to a damaged or nonsensical file an InputError."""
    try:
        # What is not finite is found by those who use it, who know the file's name.
        with np.errstate(all='ignore'):
            yield
    except InputError:
        raise
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f'{path} is cut short or damaged ({in_brief(error)}): copy it again.'
        ) from error
    except Exception as error:
        # They answer a nonsensical header with almost any error.
        raise InputError(
            f'{path} does not hold what its header says ({in_brief(error)}): convert it again.'
        ) from error


def _believable_header(path: Path, file) -> nib.Nifti1Header:
    """Header that the size of its file does not contradict; no voxel is read."""
    import nibabel as nib

    start = file.read(NIFTI2_BYTES)
    if not start:
        raise InputError(f'{path} is empty: copy it again.')
    kinds = {NIFTI1_BYTES: nib.Nifti1Header, NIFTI2_BYTES: nib.Nifti2Header}
    size = next((size for size in kinds if _begins_with(start, size)), None)
    if size is None or len(start) < size:
        raise InputError(f'{path} is no NIfTI image: convert it again.')
    # Extensions are not read: nothing uses them, and they may hold anything.
    header = kinds[size](start[:size], check=False)
    header.check_fix(logger=_NamingLogger(nib.imageglobals.logger, {'path': path}))
    needed = _bytes_needed(header)
    most = path.stat().st_size * (MOST_DEFLATED if _zipped(path) else 1)
    if needed > most:
        shape = '×'.join(map(str, header.get_data_shape()))
        raise InputError(
            f'{path} does not hold what its header says ({shape} voxels in {needed:,} bytes, '
            f'where there are {most:,} at most): copy it or convert it again.'
        )
    return header


def _bytes_needed(header: nib.Nifti1Header) -> int:
    """How long the file has to be, uncompressed."""
    shape = [int(n) for n in header.get_data_shape()]
    offset = int(header.get_data_offset())
    whole = offset == header['vox_offset']
    if min(shape, default=0) < 1 or offset < header.sizeof_hdr or not whole:
        raise ValueError(f'its shape is {shape}, and its voxels begin at {header["vox_offset"]}')
    return offset + math.prod(shape) * header.get_data_dtype().itemsize


def _image(header: nib.Nifti1Header, voxels: Path | io.BytesIO, path: Path) -> nib.Nifti1Image:
    """Image of a header, whose voxels lie in a file or in memory."""
    import nibabel as nib

    kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    proxy: Any = nib.arrayproxy.ArrayProxy(voxels, header)
    # Given its own affine, nibabel leaves the header as it is.
    image = kind(proxy, header.get_best_affine(), header)
    image.set_filename(str(path))
    return image


def _to_the_end(path: Path, file, needed: int) -> bytes:
    """Read what a compressed image needs, and the rest, for it is the end that has the checksum.

    Memory is taken as bytes come, whatever the header says.
    """
    file.seek(0)
    content = file.read(needed)
    if len(content) < needed:
        raise EOFError(f'{len(content):,} bytes of {needed:,}')
    beyond = 0
    while block := file.read(BLOCK_BYTES):
        beyond += len(block)
        if beyond > needed:
            raise InputError(
                f'{path} does not hold what its header says (it goes on for as long again after '
                'the last voxel): convert it again.'
            )
    return content


def _check_presence(path: Path) -> None:
    """Tell a file that is not there, or not what its name ends in, from one that is damaged.

    Raises
    ------
    AbsentError, InputError
        If it is one of these.

    """
    try:
        # A pipe would be waited for.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f'{path} is not a file: take it away, or put the image there.')
        with path.open('rb') as file:
            start = file.read(POINTER_BYTES)
    except FileNotFoundError as error:
        if not path.is_symlink():
            raise AbsentError(f'{path} is not there any more: restore it.') from error
        target = os.readlink(path)
        cure = f'datalad get {path}' if ANNEX in target else 'restore what it points to'
        raise AbsentError(f'{path} is a link to {target}, which is not there: {cure}.') from error
    except OSError as error:
        raise InputError(
            f'{path} cannot be read ({error.strerror}): see to its permissions and its disk.'
        ) from error
    if start.startswith(b'version https://git-lfs') or ANNEX.encode() in start[:512]:
        how = 'git lfs pull' if start.startswith(b'version') else f'datalad get {path}'
        raise AbsentError(f'{path} was not fetched, only its place is there: {how}.')
    zipped = start[:2] == b'\x1f\x8b'
    is_nifti = any(_begins_with(start, size) for size in (NIFTI1_BYTES, NIFTI2_BYTES))
    if path.name.endswith('.nii.gz') and is_nifti and not zipped:
        raise InputError(f'{path} is not compressed: rename it to {path.name[:-3]}.')
    if path.name.endswith('.nii') and zipped:
        raise InputError(f'{path} is compressed: rename it to {path.name}.gz.')


def _begins_with(start: bytes, size: int) -> bool:
    """Whether a file begins with the size of a header, in either byte order."""
    return any(start[:4] == size.to_bytes(4, order) for order in _ORDERS)


def _zipped(path: Path) -> bool:
    return path.name.endswith('.gz')


class _NamingLogger(logging.LoggerAdapter):
    """Puts the file's name before what nibabel has to say about its header."""

    def process(self, msg, kwargs):
        return f'{self.extra["path"]}: {msg}', kwargs  # type: ignore[index]
