"""A unit's results, as they lie in an output dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmir_bids.bids.output_files import PIECES, REVIEW
from deepmir_bids.bids.output_names import find_results, missing_results
from deepmir_bids.bids.publishing import is_unfinished
from deepmir_bids.bids.schema import LABEL, NUMBER, TEXT, Kind, fault
from deepmir_bids.bids.text_files import read_json
from deepmir_bids.bids.unit_of_work import unit_folder
from deepmir_bids.errors import InputError

_MEASURE = NUMBER.or_nothing()
_WORDS = TEXT.or_nothing()
_OUTLINE = Kind(
    'a number, or one of each class',
    lambda value: not fault(value, _MEASURE) or not fault(value, {'*': NUMBER}),
)
#: What is read of the sidecars of results, by whatever reads them.
SIDECAR = {
    'Template': LABEL,
    'TemplateNote': _WORDS,
    'AlignmentMutualInformation': _MEASURE,
    'Registration': {'Start': _WORDS, 'MutualInformation': _MEASURE, 'BrainVolume': _MEASURE},
    'Quality': {
        'BrainVolume': _MEASURE,
        'SWINoise': _MEASURE,
        'QSMCorrelation': _MEASURE,
        'QSMShift': _MEASURE,
        'VoxelSize': [NUMBER],
        'Flags': [TEXT],
    },
    'InputsUsed': [TEXT],
    'InputsMissing': [TEXT],
    'InputsLeftOut': [TEXT],
    'Description': TEXT,
    'Model': _WORDS,
    'ModelSHA256': _WORDS,
    'Version': _WORDS,
    'OperatingPoint': _WORDS,
    'Thresholds': {'*': NUMBER},
    'ExtentThreshold': _OUTLINE,
    'Chances': {'*': [NUMBER]},
    'MinimumVolume': _MEASURE,
    'Notes': [TEXT],
}


@dataclass(frozen=True)
class UnitResults:
    """Files of a unit's results by their names in the table of results.

    ``detection`` is the sidecar of the lesions, ``anatomy`` that of the brain mask.
    """

    files: dict[str, Path]
    detection: dict[str, Any]
    anatomy: dict[str, Any]

    @property
    def template(self) -> str:
        """Name of the template."""
        return str(self.anatomy['Template'])

    @property
    def atlas(self) -> str:
        """Label of the atlas, as the file names have it."""
        return atlas_of(self.files)

    @property
    def review(self) -> Path | None:
        """A reader's review, if there is one."""
        return self.files.get(REVIEW)


def find_files(out_dir: Path, label: str) -> dict[str, Path]:
    """Results of a unit that are there, complete or not, by their names in the table."""
    folder = unit_folder(out_dir, label) / 'anat'
    return files_in(folder, label) if folder.is_dir() else {}


def files_in(folder: Path, label: str) -> dict[str, Path]:
    """The same for the unit's ``anat`` folder, which has to be there."""
    return {key: folder / name for key, name in find_results(os.listdir(folder), label).items()}


def made_figures(out_dir: Path, label: str) -> dict[str, Path]:
    """Pictures of a unit's page that show what no result keeps, by their names."""
    folder = unit_folder(out_dir, label) / 'figures'
    shown = {
        piece.name: folder / f'{label}{piece.ending}' for piece in PIECES if piece.needs == 'made'
    }
    return {name: path for name, path in shown.items() if path.is_file()}


def atlas_of(files: Mapping[str, Path]) -> str:
    """Label of the atlas that a unit's structures are of, as their file name has it."""
    return files['structures'].name.split('_seg-')[1].split('_')[0]


def read_results(out_dir: Path, label: str) -> UnitResults:
    """Find what a unit left in an output dataset.

    Raises
    ------
    InputError
        It has no complete results there, or one of their sidecars cannot be read.

    """
    if is_unfinished(out_dir, label):
        raise InputError(
            f'{out_dir} has results of {label} that a run is writing, or was killed as it wrote '
            'them: run deepmir on this participant again.'
        )
    files = find_files(out_dir, label)
    if missing := missing_results(files):
        folder = unit_folder(out_dir, label) / 'anat'
        raise InputError(
            f'{folder} has no {label}{missing[0].ending}: run deepmir on this participant first.'
        )
    return UnitResults(
        files,
        detection=read_sidecar(files['lesions']),
        anatomy=read_sidecar(files['brain_mask']),
    )


def read_sidecar(image: Path) -> dict[str, Any]:
    """Read the JSON beside an image.

    Raises
    ------
    InputError
        If it is not there, holds no JSON object, or another kind of value than it should.

    """
    path = beside(image, '.json')
    content = read_json(path, 'run deepmir again')
    if wrong := fault(content, SIDECAR):
        raise InputError(f'{path} is not as deepmir writes it ({wrong}): run deepmir again.')
    return content


def has_results(out_dir: Path, label: str) -> bool:
    """Whether a unit's results are complete."""
    try:
        read_results(out_dir, label)
    except (InputError, OSError):  # nothing, or a run that was killed as it wrote
        return False
    return True


def run_of_results(out_dir: Path, label: str) -> str | None:
    """Name of the run whose results a unit has; None if it has none, or they do not say."""
    try:
        run = read_results(out_dir, label).detection.get('Run')
    except (InputError, OSError):
        return None
    return None if run is None else str(run)


def beside(image: Path, extension: str) -> Path:
    """The file of the same name with another extension."""
    return image.with_name(image.name.removesuffix('.nii.gz') + extension)
