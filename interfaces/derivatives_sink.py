"""The app's own data sink; imported where it is used, for it brings all of niworkflows along."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable, Mapping
from json import loads
from pathlib import Path
from typing import Any

from bids.layout import Config

from deepmir_bids.anatomy.templateflow_files import without_templateflow_home
from deepmir_bids.data import load as load_data

with without_templateflow_home():
    from niworkflows.interfaces.bids import DerivativesDataSink as _DerivativesDataSink

#: As nibabel compresses.
LEVEL = 1
_SPEC = loads(load_data('io_spec.json').read_text())
_ENTITIES = {
    **{
        name: entity.pattern
        for kind in ('bids', 'derivatives')
        for name, entity in Config.load(kind).entities.items()
    },
    **{entity['name']: entity['pattern'] for entity in _SPEC['entities']},
}
_ENTITY_LIST = [{'name': name, 'pattern': pattern} for name, pattern in _ENTITIES.items()]


class DerivativesDataSink(_DerivativesDataSink):
    """Name a file as BIDS-Derivatives, by deepmir's own patterns."""

    out_path_base = ''
    _config_entities = frozenset(_ENTITIES)
    _config_entities_dict = _ENTITY_LIST
    _file_patterns = _SPEC['patterns']


def name_files(
    files: Iterable[tuple[str, Mapping[str, str], Mapping[str, Any]]],
    source_file: str,
    folder: Path,
) -> list[str]:
    """Copy files into a folder under their BIDS names, with their sidecars.

    Parameters
    ----------
    files
        Path, entities and sidecar of each; an empty sidecar is not written.
    source_file
        The image whose subject, session, acq and run they are named after.
    folder
        Root of the names.

    Returns
    -------
    list of str
        Every file written, sidecars included.

    """
    named = []
    for in_file, entities, sidecar in files:
        outputs = (
            DerivativesDataSink(
                in_file=in_file,
                source_file=source_file,
                base_directory=str(folder),
                dismiss_entities=['part', 'reconstruction', 'echo', 'space'],
                check_hdr=False,
                # An image of an earlier run comes compressed, and goes the same way as a new one.
                compress=False,
                **{'datatype': 'anat', **entities},
                **sidecar,
            )
            .run(cwd=str(folder))
            .outputs
        )
        named += [_zipped(outputs.out_file), *([outputs.out_meta] if sidecar else [])]
    return named


def _zipped(path: str) -> str:
    """Compress an image, the same each time, and return its new path.

    The sink would take the highest level, in two to seven times the time for a thirtieth less.
    """
    if not path.endswith('.nii'):
        return path
    with (
        open(path, 'rb') as image,
        open(f'{path}.gz', 'wb') as raw,
        gzip.GzipFile('', 'wb', LEVEL, raw, mtime=0) as zipped,
    ):
        shutil.copyfileobj(image, zipped, 1 << 20)
    Path(path).unlink()
    return f'{path}.gz'
