"""Pairs of a true class map and what deepmir found, checked before anything is counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import basal_ganglia_indices, read_structures
from deepmir_bids.bids.finished_results import UnitResults, read_results
from deepmir_bids.bids.output_names import holds_classes
from deepmir_bids.bids.unit_of_work import unit_folder
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.imaging.nifti_file import read_image
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.lesions.connected_lesions import iron_area
from deepmir_bids.lesions.detection_criteria import DetectionCriteria


@dataclass(frozen=True)
class Pair:
    """Files of one unit: its true class map, and deepmir's results."""

    label: str
    truth: Path
    results: UnitResults


@dataclass(frozen=True)
class Case:
    """One unit in memory, everything on one grid.

    Attributes
    ----------
    label
        ``sub-01`` or ``sub-01_ses-02``.
    truth, found
        Arrays (X, Y, Z), uint8: 0, or a value of :data:`deepmir_bids.CLASSES`.
    probabilities
        Array (2, X, Y, Z), float32, in the order of the classes.
    brain_mask, iron_area
        Masks (X, Y, Z): where CMB, and where iron deposits count.
    structures
        Label image (X, Y, Z), int32.
    names
        Value in ``structures`` → name and region.
    affine
        4x4, to RAS+ world mm.
    criteria
        What counted as a lesion in the run that found them.

    """

    label: str
    truth: np.ndarray
    found: np.ndarray
    probabilities: np.ndarray
    brain_mask: np.ndarray
    iron_area: np.ndarray
    structures: np.ndarray
    names: dict[int, tuple[str, str]]
    affine: np.ndarray
    criteria: DetectionCriteria

    @property
    def zooms(self) -> list[float]:
        """Voxel sizes in mm."""
        return voxel_sizes(self.affine).tolist()


def find_pairs(truth: Path, prediction: Path) -> list[Pair]:
    """Find what deepmir left of every unit that has a true class map.

    Parameters
    ----------
    truth
        A derivatives dataset with one class map a unit, ``sub-*_dseg.nii.gz``; those of
        lesions and candidates hold an index for each and are passed over.
    prediction
        An output folder of deepmir. Units without a truth are passed over.

    Raises
    ------
    UsageError
        If a folder is not there, the truth has no class map or two of one unit, or the prediction
        lacks a unit.
    InputError
        If a unit's results are not complete.

    """
    for folder in (truth, prediction):
        if not folder.is_dir():
            raise UsageError(f'{folder} is not a folder.')
    maps: dict[str, Path] = {}
    for path in class_maps(truth):
        label = '_'.join(p for p in path.name.split('_') if p.startswith(('sub-', 'ses-')))
        if label in maps:
            raise UsageError(f'{truth} has two class maps of {label}: leave one of them there.')
        maps[label] = path
    if not maps:
        raise UsageError(f'{truth} has no class map: they are called sub-<label>…_dseg.nii.gz.')
    missing = [label for label in maps if not unit_folder(prediction, label).is_dir()]
    if missing:
        raise UsageError(
            f'{prediction} has no results of {", ".join(missing[:10])}'
            f'{" …" if len(missing) > 10 else ""}, of whom {truth} has the truth: '
            'run deepmir on them, or take them out of the truth.'
        )
    return [Pair(label, path, read_results(prediction, label))
            for label, path in maps.items()]  # fmt: skip


def class_maps(folder: Path) -> list[Path]:
    """Class maps (``*_dseg.nii.gz``) in a derivatives dataset, without the indexed lesions."""
    paths = folder.glob('sub-*/**/anat/sub-*_dseg.nii.gz')
    return sorted(path for path in paths if holds_classes(path.name))


def read_case(pair: Pair) -> Case:
    """Read a unit's images and check that they belong together.

    Raises
    ------
    InputError
        If an image is damaged, is on another grid than the found lesions, or holds labels that are
        no class; or if the sidecar does not say how lesions were outlined.

    """
    files = pair.results.files
    reference, found = read_image(files['class_map'])

    def read(path: Path) -> np.ndarray:
        return read_on_grid(path, reference)

    truth = read(pair.truth)
    for path, data in ((pair.truth, truth), (files['class_map'], found)):
        if not np.isin(data, (0, *CLASSES.values())).all():
            raise InputError(f'{path} holds values other than 0 and {CLASSES}: relabel it.')
    try:
        criteria = DetectionCriteria.from_sidecar(pair.results.detection)
    except KeyError as error:
        raise InputError(
            f'The sidecar of {files["lesions"]} lacks {error.args[0]}: run deepmir again.'
        ) from error
    structures = read(files['structures']).astype(np.int32)
    known = read_structures(files['structure_table'])
    return Case(
        label=pair.label,
        truth=truth.astype(np.uint8),
        found=found.astype(np.uint8),
        probabilities=np.stack([read(files[f'{name.lower()}_probseg']) for name in CLASSES]),
        brain_mask=read(files['brain_mask']) > 0.5,
        iron_area=iron_area(np.isin(structures, basal_ganglia_indices(known)), reference.affine),
        structures=structures,
        names={one.index: (one.name, one.region) for one in known},
        affine=reference.affine,
        criteria=criteria,
    )
