"""A BIDS dataset of real people's images with lesions put in, and the truth beside it."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np

from deepmir_bids.anatomy.affine_starts import RegistrationError
from deepmir_bids.anatomy.template_choice import Anatomy, find_anatomy
from deepmir_bids.bids.dataset_description import check_dataset
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.bids.scan_metadata import read_metadata
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.imaging.load_input import ROLES, load_input
from deepmir_bids.imaging.read_image import own_affine
from deepmir_bids.imaging.voxel_order import on_own_grid
from deepmir_bids.settings import Settings
from deepmir_bids.simulation.implanted_subject import (
    ImplantedSubject,
    implant_subject,
    register_head,
)
from deepmir_bids.simulation.real_scan import ScanOptions, b0_in_image, read_acquisition
from deepmir_bids.simulation.simulated_dataset import (
    SUFFIXES,
    anat_folder,
    check_new,
    describe_datasets,
    sidecar,
    write_json,
    write_truth,
)

#: Suffix of a magnitude that stands in for an SWI.
MAGNITUDE = 'T2starw'

README = """Images with lesions put in

SWI (or magnitudes), QSM and T2w of real people, into which deepmir-simulate put microbleeds and
iron deposits of the basal ganglia by physics. Where they are is in derivatives/truth; lesions that
these people have themselves are not there. Nothing else in the images was changed.
"""


@dataclass(frozen=True)
class ImplantPlan:
    """What is put in: see `implant_subject`; the same seed gives a person the same lesions."""

    scan: ScanOptions = field(default_factory=ScanOptions)
    microbleeds: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of a unit, in a sentence; ``written`` is false if it was left out."""

    sentence: str
    written: bool


def implant_dataset(root: Path, settings: Settings, plan: ImplantPlan) -> Iterator[Outcome]:
    """Put lesions into the images of a dataset; yield what became of each unit when it is done.

    Parameters
    ----------
    root
        The new dataset's folder.
    settings
        Where the images are, and which of them are wanted, as for a run of the app.
    plan
        What is put in.

    Raises
    ------
    UsageError
        If the folder is not empty, lies in a dataset that is read, or cannot be made, or if the
        datasets are none.

    """
    _check(root, settings)
    units = collect_units(settings)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f'{root} cannot be written: {error.strerror}.') from error
    begun = False
    with tempfile.TemporaryDirectory(prefix='deepmir-implant-') as folder:
        anatomy = find_anatomy(settings.template, settings.atlas, Path(folder))
        for unit in units:
            try:
                subject = _implant(unit, settings, plan, anatomy, Path(folder, unit.label))
            except (InputError, RegistrationError) as error:
                yield Outcome(f'{unit.label} left out: {error}', False)
                continue
            if not begun:  # a folder is left empty for the next try if nobody could be used
                _begin(root, settings, units)
                begun = True
            _write(root, unit, subject, settings)
            shown = int(subject.lesions['visible'].sum())
            done = f'{unit.label} written: {len(subject.lesions)} lesions, {shown} to be seen.'
            yield Outcome(' '.join([done, *subject.notes]), True)


def _check(root: Path, settings: Settings) -> None:
    check_new(root)
    for name, folder in settings.datasets.items():
        if not folder.is_dir():
            raise UsageError(f'{folder} ({name}) is not a folder.')
        if folder.resolve() in (root.resolve(), *root.resolve().parents):
            raise UsageError(f'{root} lies inside {folder}, which is read: name another folder.')
    check_dataset(settings.bids_dir)


def _implant(
    unit: Unit, settings: Settings, plan: ImplantPlan, anatomy: Anatomy, folder: Path
) -> ImplantedSubject:
    if unit.skipped or unit.swi is None:
        raise InputError(f'{unit.skipped}.')
    images, notes = {}, []
    for name in unit.inputs:
        path = getattr(unit, name)
        try:
            images[name] = load_input(ROLES[name], path)[0]
        except InputError as error:
            if name == 'swi':
                raise
            notes.append(f'The {ROLES[name]} was left out: {error}')
            continue
        images[name].set_filename(str(path))
    metadata = metadata_of(unit, 'swi', settings)
    masked = not unit.swi_stands_in
    acquisition = read_acquisition(images['swi'], unit.swi, metadata, plan.scan, masked=masked)
    head = register_head(images['swi'], images.get('t2w'), anatomy, folder, sloppy=settings.sloppy)
    subject = implant_subject(
        images,
        acquisition,
        head,
        anatomy.structures,
        draws_of(unit, plan.seed),
        microbleeds=plan.microbleeds,
        b0_direction=b0_in_image(acquisition, plan.scan),
        qsm_scale=settings.qsm_scale,
    )
    stored = own_affine(unit.swi)
    return ImplantedSubject(
        images={
            name: on_own_grid(image, own_affine(getattr(unit, name)))
            for name, image in subject.images.items()
        },
        truth=on_own_grid(subject.truth, stored),
        lesion_numbers=on_own_grid(subject.lesion_numbers, stored),
        lesions=subject.lesions,
        notes=(*notes, *subject.notes),
    )


def draws_of(unit: Unit, seed: int) -> np.random.Generator:
    """What draws a unit's lesions: the same, whoever else is there."""
    return np.random.default_rng([seed, zlib.crc32(unit.label.encode())])


def metadata_of(unit: Unit, name: str, settings: Settings) -> dict:
    """What the sidecars say of one of a unit's images."""
    path: Path = getattr(unit, name)
    roots = [root for root in settings.datasets.values() if path.is_relative_to(root)]
    # The deepest root: a derivatives dataset may lie inside the raw one.
    return read_metadata(path, max(roots, key=lambda root: len(root.parts)))


def _write(root: Path, unit: Unit, subject: ImplantedSubject, settings: Settings) -> None:
    folder = anat_folder(root, unit.subject, unit.session)
    suffixes = SUFFIXES | ({'swi': MAGNITUDE} if unit.swi_stands_in else {})
    paths = {name: folder / f'{unit.label}_{suffixes[name]}.nii.gz' for name in subject.images}
    for name, path in paths.items():
        nib.save(subject.images[name], path)
        write_json(sidecar(path), metadata_of(unit, name, settings))
    write_truth(root, paths['swi'], subject.truth, subject.lesion_numbers, subject.lesions)


def _begin(root: Path, settings: Settings, units: list[Unit]) -> None:
    """Describe the dataset; copy the rows of its participants, and what their columns mean."""
    describe_datasets(root, 'Microbleeds and iron deposits put into real images', README)
    labels = {f'sub-{unit.subject}' for unit in units}
    table = settings.bids_dir / 'participants.tsv'
    if not table.is_file():
        return
    header, *rows = table.read_text(encoding='utf-8-sig').splitlines()
    kept = [header, *(row for row in rows if row.split('\t')[0] in labels)]
    (root / table.name).write_text('\n'.join(kept) + '\n', encoding='utf-8')
    described = table.with_suffix('.json')
    if described.is_file():
        (root / described.name).write_bytes(described.read_bytes())
