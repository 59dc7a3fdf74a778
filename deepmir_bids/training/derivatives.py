"""Labelled subjects among deepmir's own derivatives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deepmir_bids.bids.units import Unit
from deepmir_bids.errors import UsageError
from deepmir_bids.training.subjects import TrainingSubject


def labelled_units(units: Iterable[Unit], labels: Path) -> dict[Unit, Path]:
    """Units that have an SWI and a class map (``<unit>*_dseg.nii.gz``) in ``labels``.

    Images of ``desc-lesions`` hold an index per lesion, not a class, and are passed over.

    Raises
    ------
    UsageError
        If no unit has one, or a unit has several.

    """
    found: dict[Unit, Path] = {}
    for unit in units:
        paths = [p for p in _files(labels, unit, 'dseg') if '_desc-lesions_' not in p.name]
        if len(paths) > 1:
            raise UsageError(
                f'{labels} has {len(paths)} label images of {unit.label}: leave one of them there.'
            )
        if paths and unit.swi:
            found[unit] = paths[0]
    if not found:
        raise UsageError(
            f'{labels} has no label image of a participant with an SWI: '
            'they are called sub-<label>[_ses-<label>]*_dseg.nii.gz.'
        )
    return found


def training_subject(unit: Unit, preprocessed: Path, labels: Path) -> TrainingSubject:
    """One unit's preprocessed images, its raw SWI and its labels.

    Raises
    ------
    UsageError
        If the unit has no brain mask among the preprocessed images.

    """
    masks = _files(preprocessed, unit, 'space-SWI_desc-brain_mask')
    if unit.swi is None or not masks:
        raise UsageError(f'{preprocessed} has no preprocessed images of {unit.label}.')
    qsm = _files(preprocessed, unit, 'space-SWI_desc-preproc_Chimap')
    t2w = _files(preprocessed, unit, 'space-SWI_desc-preproc_T2w')
    return TrainingSubject(
        name=unit.label,
        swi=unit.swi,
        qsm=qsm[0] if qsm else None,
        t2w=t2w[0] if t2w else None,
        brain_mask=masks[0],
        labels=labels,
    )


def has_derivatives(unit: Unit, preprocessed: Path) -> bool:
    """Whether a unit has been preprocessed."""
    return bool(_files(preprocessed, unit, 'space-SWI_desc-brain_mask'))


def _files(root: Path, unit: Unit, ending: str) -> list[Path]:
    folder = root / f'sub-{unit.subject}'
    if unit.session:
        folder /= f'ses-{unit.session}'
    return sorted(folder.glob(f'anat/{unit.label}_*{ending}.nii.gz'))
