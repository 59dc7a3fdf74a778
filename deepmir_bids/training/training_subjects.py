"""Labelled subjects: where their files are, and their images at the working spacing in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import basal_ganglia_indices, read_structures
from deepmir_bids.errors import InputError
from deepmir_bids.imaging.nifti_file import read_grid
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.lesions.connected_lesions import iron_area
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.network_input import Prepared, prepare, to_working_grid
from deepmir_bids.training.untrained_card import known_classes


@dataclass(frozen=True)
class TrainingSubject:
    """Files of one labelled subject, all on the SWI's grid; None where an input is missing.

    ``labels`` holds 0, or a value of :data:`deepmir_bids.CLASSES`. ``structures`` is the app's
    label image, its table beside it: iron deposits count in the basal ganglia, as they do when the
    model is used.
    """

    name: str
    swi: Path
    qsm: Path | None
    t2w: Path | None
    brain_mask: Path
    labels: Path
    structures: Path


@dataclass
class CachedSubject:
    """One subject in memory, at the working spacing for training and as it was for validation.

    Attributes
    ----------
    name
        How it is called, as in the model's card.
    prepared
        ``x`` as float16, to fit many subjects in memory.
    target
        Uint8 array (2, X, Y, Z), 0 to 255: how much of a voxel belongs to a lesion of the class.
    weight
        Uint8 array (X, Y, Z), of a voxel in the loss: the more, the smaller its lesion.
    lesions
        Class → array (n, 3) of the lesions' centres, in working voxels.
    hard
        Centres (n, 3), in working voxels, of what is easily taken for a lesion.
    areas
        Class → bool array (X, Y, Z), in working voxels, where it is looked for.
    truth, brain_mask, iron_mask
        Arrays (X, Y, Z) on the SWI's grid.
    affine
        Of the SWI (4, 4).

    """

    name: str
    prepared: Prepared
    target: np.ndarray
    weight: np.ndarray
    lesions: dict[str, np.ndarray]
    areas: dict[str, np.ndarray]
    truth: np.ndarray
    brain_mask: np.ndarray
    iron_mask: np.ndarray
    affine: np.ndarray
    hard: np.ndarray = field(default_factory=lambda: np.empty((0, 3), dtype=int))
    _copies: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    def given(self, card: ModelCard, inputs: Collection[str]) -> np.ndarray:
        """What a network gets (input, X, Y, Z), float32: NaN for all but some ``inputs``."""
        x = self.prepared.x.astype(np.float32)
        x[[channel for channel, name in enumerate(card.inputs) if name not in inputs]] = np.nan
        return x

    def tensors(self, device: torch.device | str) -> tuple[torch.Tensor, ...]:
        """Images, target, weight and brain mask (channel, X, Y, Z) on a device, to cut from.

        They stay there: copying them for each patch would take longer than learning from it.
        """
        if device not in self._copies:
            mask = self.prepared.brain_mask
            parts = (self.prepared.x, self.target, self.weight[None], mask[None])
            self._copies[device] = tuple(torch.from_numpy(part).to(device) for part in parts)
        return self._copies[device]

    @cached_property
    def spacing_mm(self) -> np.ndarray:
        """Voxel sizes (3,) of the working grid."""
        from nibabel.affines import voxel_sizes

        grid = self.prepared.grid
        return voxel_sizes(self.affine)[np.argsort(grid.orientation[:, 0])] * grid.step

    @cached_property
    def lesion_slices(self) -> np.ndarray:
        """Which of the axial slices show a lesion, bool array (Z,)."""
        return np.asarray(self.target.any(axis=(0, 1, 2)))


#: A lesion of this volume has weight 1, a smaller one up to MAX_WEIGHT.
REFERENCE_VOLUME_MM3 = 30.0
MAX_WEIGHT = 5


def read_subject(subject: TrainingSubject, card: ModelCard) -> CachedSubject:
    """Read and prepare a subject.

    Raises
    ------
    InputError
        If its images are not on one grid, or a label is not a class.

    """
    swi = read_grid(subject.swi)

    def read(path: Path | None) -> Any:
        return None if path is None else read_on_grid(path, swi)

    table = subject.structures.with_name(subject.structures.name.replace('.nii.gz', '.tsv'))
    basal_ganglia = basal_ganglia_indices(read_structures(table))
    return cache_subject(
        subject.name,
        read(subject.swi),
        read(subject.qsm),
        read(subject.t2w),
        read(subject.brain_mask),
        read_labels(subject.labels, swi),
        swi.affine,
        card,
        iron_area(np.isin(read(subject.structures), basal_ganglia), swi.affine),
    )


def read_labels(path: Path, swi) -> np.ndarray:
    """Read a label image (uint8, 0 or a value of CLASSES) on the grid of an SWI, its image.

    Raises
    ------
    InputError
        If it is on another grid, or holds another value.

    """
    labels = read_on_grid(path, swi)
    others = np.setdiff1d(labels, (0, *CLASSES.values()))
    if len(others):
        known = ', '.join(f'{value} ({name})' for name, value in CLASSES.items())
        some = ', '.join(f'{value:g}' for value in others[:3]) + (', …' if len(others) > 3 else '')
        raise InputError(f'{path} holds {some}: labels are 0, {known}, so relabel it.')
    return labels.astype(np.uint8)


def cache_subject(
    name: str,
    swi: np.ndarray,
    qsm: np.ndarray | None,
    t2w: np.ndarray | None,
    brain_mask: np.ndarray,
    truth: np.ndarray,
    affine: np.ndarray,
    card: ModelCard,
    iron_mask: np.ndarray | None = None,
) -> CachedSubject:
    """Prepare a subject's arrays (X, Y, Z), all on the SWI's grid, for training and validation."""
    brain_mask = np.asarray(brain_mask) > 0
    learnt = [CLASSES[name] for name in known_classes(card)]
    truth = np.where(np.isin(truth, learnt), truth, 0).astype(np.uint8)
    prepared = prepare(swi, qsm, t2w, brain_mask, affine, card)
    grid = prepared.grid
    target = np.zeros((len(CLASSES), *grid.shape), dtype=np.uint8)
    weight = np.ones(grid.shape, dtype=np.uint8)
    voxel_mm3 = float(np.prod(grid.step) * abs(np.linalg.det(affine[:3, :3])))
    lesions = {}
    for channel, (class_name, value) in enumerate(CLASSES.items()):
        # Doubled, so that a lesion of one voxel of the SWI is one at the working spacing, too.
        soft = np.clip(2 * to_working_grid((truth == value).astype(np.float32), grid), 0, 1)
        target[channel] = np.round(soft * 255)
        lesions[class_name] = _weigh(soft >= 0.5, weight, voxel_mm3)
    slim = Prepared(prepared.x.astype(np.float16), prepared.brain_mask, grid)
    iron_mask = brain_mask if iron_mask is None else np.asarray(iron_mask) > 0
    areas = {
        'CMB': slim.brain_mask,
        'iron': slim.brain_mask & (to_working_grid(iron_mask.astype(np.float32), grid) >= 0.5),
    }
    cached = CachedSubject(
        name, slim, target, weight, lesions, areas, truth, brain_mask, iron_mask, affine
    )
    cached.hard = dark_places(cached)
    return cached


def dark_places(subject: CachedSubject, count: int = 300, seed: int = 0) -> np.ndarray:
    """Centres of dark spots without a lesion: veins, sulci and borders, until better are mined."""
    dark = subject.prepared.brain_mask & (subject.prepared.x[0] < -1.5)
    dark &= ~subject.target.any(axis=0)
    places = np.argwhere(dark)
    if len(places) > count:
        places = np.random.default_rng(seed).choice(places, count, replace=False)
    return places


def _weigh(mask: np.ndarray, weight: np.ndarray, voxel_mm3: float) -> np.ndarray:
    """Write the weights of a class's lesions into ``weight``; return the lesions' centres."""
    from scipy.ndimage import center_of_mass, find_objects, label

    labels, count = label(mask, np.ones((3, 3, 3), dtype=bool))
    for index, box in enumerate(find_objects(labels), start=1):
        inside = labels[box] == index
        heavier = REFERENCE_VOLUME_MM3 / (inside.sum() * voxel_mm3)
        weight[box][inside] = np.clip(round(heavier), 1, MAX_WEIGHT)
    centres = center_of_mass(mask, labels, range(1, count + 1))
    return np.round(np.array(centres).reshape(-1, 3)).astype(int)
