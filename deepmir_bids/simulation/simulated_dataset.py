"""Simulated subjects as a BIDS dataset, with the truth as derivatives."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from deepmir_bids import CLASSES, INPUTS, __version__
from deepmir_bids.bids.dataset_description import BIDS_VERSION
from deepmir_bids.errors import UsageError
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.raw_echoes import magnitude_and_phase
from deepmir_bids.simulation.simulated_subject import SimulatedSubject, simulate_subject
from deepmir_bids.simulation.truth_tables import COLUMNS

#: Suffix, with the entities before it, of each input.
SUFFIXES = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap', 't2w': 'T2w'}

#: Where in a dataset the truth lies.
TRUTH = Path('derivatives', 'truth')

README = """Simulated data

SWI, QSM and T2w of people who do not exist, with known microbleeds and iron deposits of the basal
ganglia, made by deepmir-simulate. The truth is in derivatives/truth.
"""


def simulate_dataset(root: Path, participants: int, seed: int, echoes: int = 0) -> Iterator[str]:
    """Simulate a cohort into a new folder; yield each participant's label as it is written.

    The same seed gives the same images, bit for bit. ``echoes`` is how many pairs of magnitude and
    phase each participant gets as well.

    Raises
    ------
    UsageError
        If the folder is not empty, or cannot be made.

    """
    check_new(root)
    try:
        create_dataset(root)
    except OSError as error:
        raise UsageError(f'{root} cannot be written: {error.strerror}.') from error
    width = max(2, len(str(participants)))
    seeds = np.random.SeedSequence(seed).generate_state(participants)
    for i, subject_seed in enumerate(seeds, start=1):
        label = f'{i:0{width}d}'
        write_subject(root, label, simulate_subject(int(subject_seed), echoes=echoes))
        yield label


def check_new(root: Path) -> None:
    """Raise a UsageError unless a folder is new, or empty."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f'{root} is not an empty folder: name a new one.')


def create_dataset(root: Path) -> None:
    """Write the files of an empty dataset and of its truth."""
    describe_datasets(root, 'Simulated microbleeds and iron deposits', README, License='CC0')
    (root / TRUTH / '.bidsignore').write_text('*_mimics.tsv\n')
    (root / 'participants.tsv').write_text('participant_id\tage\tsex\n')
    write_json(
        root / 'participants.json',
        {
            'age': {'Description': 'Age of the participant', 'Units': 'year'},
            'sex': {'Description': 'Sex', 'Levels': {'M': 'male', 'F': 'female'}},
        },
    )


def describe_datasets(root: Path, name: str, readme: str, **fields: str) -> None:
    """Write description and README of a new dataset and of its truth.

    Parameters
    ----------
    root
        The dataset's folder.
    name, readme
        The dataset's name and its README.
    **fields
        More fields of both descriptions.

    """
    truth = root / TRUTH
    truth.mkdir(parents=True, exist_ok=True)
    generator = [{'Name': 'deepmir-simulate', 'Version': __version__}]
    common = {'BIDSVersion': BIDS_VERSION, 'GeneratedBy': generator, **fields}
    write_json(root / 'dataset_description.json', {'Name': name, 'DatasetType': 'raw', **common})
    write_json(
        truth / 'dataset_description.json',
        {
            'Name': 'Truth of the simulated lesions',
            'DatasetType': 'derivative',
            'DatasetLinks': {'raw': '../..'},
            **common,
        },
    )
    for folder in (root, truth):
        (folder / 'README').write_text(readme)


def write_subject(
    root: Path,
    label: str,
    subject: SimulatedSubject,
    session: str | None = None,
    inputs: Sequence[str] = INPUTS,
) -> None:
    """Write one subject, or one session of one, into a dataset that `create_dataset` began.

    Parameters
    ----------
    root
        The dataset's folder.
    label
        The participant's label, without ``sub-``.
    subject
        What is written, its echoes and its true susceptibility where it has them.
    session
        The session's label, without ``ses-``.
    inputs
        Which images are written; the truth always is.

    """
    folder = anat_folder(root, label, session)
    stem = folder.parent.relative_to(root).as_posix().replace('/', '_')
    for name in inputs:
        path = folder / f'{stem}_{SUFFIXES[name]}.nii.gz'
        nib.save(getattr(subject, name), path)
        write_json(sidecar(path), _scan(name, subject.acquisition))
    swi = folder / f'{stem}_{SUFFIXES["swi"]}.nii.gz'
    _write_echoes(folder, stem, subject)
    truth = write_truth(root, swi, subject.truth, subject.lesion_numbers, subject.lesions)
    if subject.chi is not None:
        _write_chi(truth / f'{stem}_space-SWI_desc-truth_Chimap.nii.gz', subject.chi, swi, root)
    subject.mimics.to_csv(truth / f'{stem}_mimics.tsv', sep='\t', index=False, na_rep='n/a')
    _add_participant(root, label, subject)


def _write_echoes(folder: Path, stem: str, subject: SimulatedSubject) -> None:
    """Write magnitude and phase of each echo: one as a T2starw, more as a MEGRE."""
    single = len(subject.echoes) == 1
    for i, (echo_time_s, image) in enumerate(subject.echoes.items(), start=1):
        echo, suffix = ('', 'T2starw') if single else (f'_echo-{i}', 'MEGRE')
        pair = magnitude_and_phase(np.asarray(image.dataobj))
        for part, array in zip(('mag', 'phase'), pair, strict=True):
            path = folder / f'{stem}{echo}_part-{part}_{suffix}.nii.gz'
            stored = nib.Nifti1Image(array, image.affine, image.header)
            stored.set_data_dtype(array.dtype)
            nib.save(stored, path)
            scan = _scanner(subject.acquisition) | {'EchoTime': echo_time_s}
            write_json(sidecar(path), scan | ({'Units': 'arbitrary'} if part == 'phase' else {}))


def _write_chi(path: Path, chi: nib.Nifti1Image, swi: Path, root: Path) -> None:
    """Write the true susceptibility of a raw dataset's SWI."""
    nib.save(chi, path)
    described = {
        'Description': 'True susceptibility relative to water-like tissue, with veins and lesions',
        'Units': 'ppm',
        'SkullStripped': False,
        'SpatialReference': f'bids:raw:{swi.relative_to(root).as_posix()}',
    }
    write_json(sidecar(path), described)


def anat_folder(root: Path, label: str, session: str | None = None) -> Path:
    """Make the folder of a participant's images, or of one session's."""
    parts = [f'sub-{label}'] + ([f'ses-{session}'] if session else [])
    folder = root.joinpath(*parts, 'anat')
    folder.mkdir(parents=True)
    return folder


def write_truth(
    root: Path,
    swi: Path,
    truth: nib.Nifti1Image,
    lesion_numbers: nib.Nifti1Image,
    lesions: pd.DataFrame,
) -> Path:
    """Write the truth of one SWI; return the folder that it lies in.

    Parameters
    ----------
    root
        The raw dataset's folder, whose ``derivatives/truth`` it goes to.
    swi
        The SWI, below ``root``.
    truth, lesion_numbers, lesions
        As in `SimulatedSubject`.

    """
    below = swi.relative_to(root)
    folder = root / TRUTH / below.parent
    folder.mkdir(parents=True)
    stem = '_'.join(below.parts[:-2])
    classes = pd.DataFrame({'index': CLASSES.values(), 'name': CLASSES.keys()})
    numbered = lesions.copy()
    numbered.insert(0, 'index', np.arange(1, len(numbered) + 1))
    numbered.insert(1, 'name', numbered['class'] + '-' + numbered['index'].astype(str))
    for desc, image, table in (
        ('truth', truth, classes),
        ('lesions', lesion_numbers, numbered),
    ):
        path = folder / f'{stem}_space-SWI_desc-{desc}_dseg.nii.gz'
        nib.save(image, path)
        table.to_csv(sidecar(path, '.tsv'), sep='\t', index=False, na_rep='n/a')
        described = {c: {'Description': COLUMNS[c]} for c in table.columns if c in COLUMNS}
        write_json(
            sidecar(path),
            {'SpatialReference': f'bids:raw:{below.as_posix()}', 'Manual': False} | described,
        )
    return folder


def _scanner(acquisition: Acquisition) -> dict:
    """Return what the sidecars of all images say."""
    return {
        'Manufacturer': 'deepmir-simulate',
        'ManufacturersModelName': __version__,
        'MagneticFieldStrength': acquisition.field_t,
    }


def _scan(name: str, acquisition: Acquisition) -> dict:
    """Return an input's sidecar."""
    scan = _scanner(acquisition)
    if name == 't2w':
        return scan
    scan |= {'EchoTime': acquisition.echo_time_s, 'B0Direction': acquisition.b0_direction.tolist()}
    if name == 'qsm':
        return scan | {'Units': 'ppm', 'ReconstructionMethod': acquisition.qsm_method}
    return scan | {
        'PhaseFilterWidth': acquisition.highpass_width,
        'PhaseMaskPower': acquisition.mask_power,
    }


def _add_participant(root: Path, label: str, subject: SimulatedSubject) -> None:
    """Add a row for a participant who has none."""
    path = root / 'participants.tsv'
    known = path.read_text()
    if f'sub-{label}\t' not in known:
        path.write_text(f'{known}sub-{label}\t{subject.age:.0f}\t{subject.sex}\n')


def sidecar(path: Path, suffix: str = '.json') -> Path:
    """Return the file beside an image that has its name and another suffix."""
    return path.with_name(path.name.removesuffix('.nii.gz') + suffix)


def write_json(path: Path, content: dict) -> None:
    """Write an object as JSON."""
    path.write_text(json.dumps(content, indent=2) + '\n')
