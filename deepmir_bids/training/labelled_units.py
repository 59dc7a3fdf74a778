"""Labelled subjects: class maps drawn by hand, or deepmir's own lesions as reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.bids.finished_results import find_files, read_results
from deepmir_bids.bids.output_files import REVIEW
from deepmir_bids.bids.output_names import holds_classes
from deepmir_bids.bids.unit_of_work import Unit, unit_folder
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.lesions.reader_review import (
    draw_final_classes,
    read_reviewed_lesions,
    review_progress,
)
from deepmir_bids.lesions.truth_matching import index_lesions
from deepmir_bids.training.training_subjects import TrainingSubject, read_labels


def labelled_units(units: Iterable[Unit], labels: Path, drawn: Path) -> dict[Unit, Path]:
    """Class maps of the units that have an SWI, and labels in a derivatives dataset.

    Labels are a class map (``<unit>_*desc-<any>_dseg.nii.gz``), or results of deepmir with the
    review of a reader who judged all of their lesions, which is drawn as one.

    Parameters
    ----------
    units
        With the images that they bring.
    labels
        Root of the derivatives dataset.
    drawn
        Folder for class maps that follow from a review.

    Raises
    ------
    UsageError
        If no unit has labels, or a unit has several class maps, or a review does not fit.

    """
    found: dict[Unit, Path] = {}
    for unit in units:
        folder = unit_folder(labels, unit.label) / 'anat'
        paths = sorted(folder.glob(f'{unit.label}_*desc-*_dseg.nii.gz'))
        paths = [path for path in paths if holds_classes(path.name)]
        if len(paths) > 1:
            raise UsageError(
                f'{folder} has {len(paths)} label images of {unit.label} '
                f'({", ".join(path.name for path in paths)}): leave one of them there.'
            )
        labelled = paths[0] if paths else draw_review(unit, labels, drawn)
        if labelled and unit.swi:
            found[unit] = labelled
    if not found:
        raise UsageError(
            f'{labels} has no label image of a participant with an SWI: they are called '
            'sub-<label>/[ses-<label>/]anat/sub-<label>_[ses-<label>_]'
            'space-SWI_desc-<any>_dseg.nii.gz. Nor has it results of deepmir that a reader has '
            'reviewed to the last lesion.'
        )
    return found


def draw_review(unit: Unit, out_dir: Path, folder: Path) -> Path | None:
    """Draw the lesions of a unit as reviewed; None if a reader has not judged all of them.

    Raises
    ------
    UsageError
        If the results are not complete, or the review is about others.

    """
    import nibabel as nib

    if REVIEW not in find_files(out_dir, unit.label):
        return None
    try:
        files = read_results(out_dir, unit.label).files
        lesions = read_reviewed_lesions(files)
    except InputError as error:  # before anything was done
        raise UsageError(str(error)) from error
    if review_progress(lesions).status != 'complete':
        return None
    images = [nib.Nifti1Image.from_filename(files[name]) for name in ('lesions', 'candidates')]
    labels = np.sum([np.asanyarray(image.dataobj) for image in images], axis=0).astype(int)
    classes = draw_final_classes(labels, lesions)
    path = folder / f'{unit.label}_space-SWI_desc-review_dseg.nii.gz'
    folder.mkdir(parents=True, exist_ok=True)
    nib.Nifti1Image(classes, images[0].affine).to_filename(path)
    return path


def count_lesions(
    labels: Mapping[Unit, Path], classes: Iterable[str] = tuple(CLASSES)
) -> dict[str, int]:
    """Check every label image; return the number of lesions of each participant.

    Raises
    ------
    UsageError
        If an image is not on the grid of its SWI, holds another value than a class's, or if no
        image has any lesion of a class.

    """
    import nibabel as nib

    of_participant = {unit.subject: 0 for unit in labels}
    of_class: Counter[str] = Counter()
    for unit, path in labels.items():
        if unit.swi is None:
            continue
        try:
            truth = read_labels(path, nib.Nifti1Image.from_filename(unit.swi))
        except InputError as error:  # before anything was done
            raise UsageError(str(error)) from error
        for name in classes:
            count = int(index_lesions(truth == CLASSES[name]).max())
            of_participant[unit.subject] += count
            of_class[name] += count
    for name in classes:
        if not of_class[name]:
            raise UsageError(
                f'No label image has any {name} (value {CLASSES[name]}): '
                'leave it out with --classes, or add participants who have some.'
            )
    return of_participant


def training_subject(unit: Unit, preprocessed: Path, labels: Path) -> TrainingSubject:
    """One unit's preprocessed images, its raw SWI and its labels.

    Raises
    ------
    UsageError
        If the unit has no SWI.
    InputError
        If the app has not finished it.

    """
    if unit.swi is None:
        raise UsageError(f'{unit.label} has no SWI.')
    files = read_results(preprocessed, unit.label).files
    return TrainingSubject(
        name=unit.label,
        swi=unit.swi,
        qsm=files.get('qsm'),
        t2w=files.get('t2w'),
        brain_mask=files['brain_mask'],
        labels=labels,
        structures=files['structures'],
    )
