"""A unit's results, as they lie in an output dataset."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmir_bids.bids.publishing import REVIEW
from deepmir_bids.bids.unit_of_work import Unit, unit_folder
from deepmir_bids.errors import InputError

#: What a result is called in the workflows, and how its file name ends.
ENDINGS = {
    't2w': '_space-SWI_desc-preproc_T2w.nii.gz',
    'qsm': '_space-SWI_desc-preproc_Chimap.nii.gz',
    'brain_mask': '_space-SWI_desc-brain_mask.nii.gz',
    'cmb_probseg': '_space-SWI_seg-deepmir_label-CMB_probseg.nii.gz',
    'iron_probseg': '_space-SWI_seg-deepmir_label-iron_probseg.nii.gz',
    'classes': '_space-SWI_seg-deepmir_dseg.nii.gz',
    'lesions': '_space-SWI_seg-deepmir_desc-lesions_dseg.nii.gz',
    'table': '_space-SWI_seg-deepmir_desc-lesions_dseg.tsv',
    'candidates': '_space-SWI_seg-deepmir_desc-candidates_dseg.nii.gz',
    'candidates_table': '_space-SWI_seg-deepmir_desc-candidates_dseg.tsv',
    'review': REVIEW,
}
#: What a unit need not have, for want of the input or of a reader.
OPTIONAL = {'t2w', 'qsm', 'review'}


@dataclass(frozen=True)
class Results:
    """Files of a unit's results by their names in the workflows, and two of their sidecars."""

    files: dict[str, Path]
    found: dict[str, Any]
    anatomy: dict[str, Any]
    atlas: str


def read_results(out_dir: Path, unit: Unit) -> Results:
    """
    Find what a unit left in an output dataset.

    Raises
    ------
    InputError
        It has no complete results there.

    """
    folder = unit_folder(out_dir, unit.label) / 'anat'
    files = {
        name: path
        for name, ending in ENDINGS.items()
        for path in folder.glob(f'{unit.label}_*{ending.removeprefix("_")}')
    }
    atlases = [
        path
        for path in folder.glob(f'{unit.label}_*space-SWI_seg-*_dseg.nii.gz')
        if '_seg-deepmir_' not in path.name
    ]
    missing = [ENDINGS[name] for name in ENDINGS if name not in OPTIONAL | set(files)]
    missing += [] if atlases else ['_space-SWI_seg-<atlas>_dseg.nii.gz']
    if missing:
        raise InputError(
            f'{folder} has no {unit.label}{missing[0]}: run deepmir on this participant first.'
        )
    files['structures'] = atlases[0]
    files['structures_tsv'] = _beside(atlases[0], '.tsv')

    def sidecar(name: str) -> dict[str, Any]:
        return json.loads(_beside(files[name], '.json').read_text())

    return Results(
        files,
        found=sidecar('lesions'),
        anatomy=sidecar('brain_mask'),
        atlas=atlases[0].name.split('_seg-')[1].split('_')[0],
    )


def has_results(out_dir: Path, unit: Unit) -> bool:
    """Whether a unit's results are complete."""
    try:
        read_results(out_dir, unit)
    except (InputError, OSError):  # nothing, or a run that was killed as it wrote
        return False
    return True


def holds_classes(path: Path) -> bool:
    """Whether a label image may hold classes: those of lesions and candidates hold an index."""
    return not any(f'_desc-{kind}_' in path.name for kind in ('lesions', 'candidates'))


def _beside(image: Path, suffix: str) -> Path:
    return image.with_name(image.name.removesuffix('.nii.gz') + suffix)
