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
from deepmir_bids.simulation.simulated_subject import SimulatedSubject, simulate_subject
from deepmir_bids.simulation.truth_tables import COLUMNS

#: Suffix, with the entities before it, of each input.
SUFFIXES = {'swi': 'rec-swi_T2starw', 'qsm': 'Chimap', 't2w': 'T2w'}

README = """Simulated data

SWI, QSM and T2w of people who do not exist, with known microbleeds and iron deposits of the basal
ganglia, made by deepmir-simulate. The truth is in derivatives/truth.
"""


def simulate_dataset(root: Path, participants: int, seed: int) -> Iterator[str]:
    """Simulate a cohort into a new folder; yield each participant's label as it is written.

    The same seed gives the same images, bit for bit.

    Raises
    ------
    UsageError
        If the folder is not empty, or cannot be made.

    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f'{root} is not an empty folder: name a new one.')
    try:
        create_dataset(root)
    except OSError as error:
        raise UsageError(f'{root} cannot be written: {error.strerror}.') from error
    width = max(2, len(str(participants)))
    seeds = np.random.SeedSequence(seed).generate_state(participants)
    for i, subject_seed in enumerate(seeds, start=1):
        label = f'{i:0{width}d}'
        write_subject(root, label, simulate_subject(int(subject_seed)))
        yield label


def create_dataset(root: Path) -> None:
    """Write the files of an empty dataset and of its truth."""
    truth = root / 'derivatives' / 'truth'
    truth.mkdir(parents=True, exist_ok=True)
    generator = [{'Name': 'deepmir-simulate', 'Version': __version__}]
    common = {'BIDSVersion': BIDS_VERSION, 'License': 'CC0', 'GeneratedBy': generator}
    _write_json(
        root / 'dataset_description.json',
        {'Name': 'Simulated microbleeds and iron deposits', 'DatasetType': 'raw', **common},
    )
    _write_json(
        truth / 'dataset_description.json',
        {
            'Name': 'Truth of the simulated lesions',
            'DatasetType': 'derivative',
            'DatasetLinks': {'raw': '../..'},
            **common,
        },
    )
    (root / 'README').write_text(README)
    (truth / 'README').write_text(README)
    (truth / '.bidsignore').write_text('*_mimics.tsv\n')
    (root / 'participants.tsv').write_text('participant_id\tage\tsex\n')
    _write_json(
        root / 'participants.json',
        {
            'age': {'Description': 'Age of the participant', 'Units': 'year'},
            'sex': {'Description': 'Sex', 'Levels': {'M': 'male', 'F': 'female'}},
        },
    )


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
        What is written.
    session
        The session's label, without ``ses-``.
    inputs
        Which images are written; the truth always is.

    """
    parts = [f'sub-{label}'] + ([f'ses-{session}'] if session else [])
    stem = '_'.join(parts)
    folder = root.joinpath(*parts, 'anat')
    folder.mkdir(parents=True)
    for name in inputs:
        path = folder / f'{stem}_{SUFFIXES[name]}.nii.gz'
        nib.save(getattr(subject, name), path)
        _write_json(_sidecar(path), _scan(name, subject.acquisition))
    _write_truth(root, parts, subject)
    _add_participant(root, label, subject)


def _write_truth(root: Path, parts: list[str], subject: SimulatedSubject) -> None:
    folder = (root / 'derivatives' / 'truth').joinpath(*parts, 'anat')
    folder.mkdir(parents=True)
    stem = '_'.join(parts)
    swi = '/'.join([*parts, 'anat', f'{stem}_{SUFFIXES["swi"]}.nii.gz'])
    classes = pd.DataFrame({'index': CLASSES.values(), 'name': CLASSES.keys()})
    lesions = subject.lesions.copy()
    lesions.insert(0, 'index', np.arange(1, len(lesions) + 1))
    lesions.insert(1, 'name', lesions['class'] + '-' + lesions['index'].astype(str))
    for desc, image, table in (
        ('truth', subject.truth, classes),
        ('lesions', subject.lesion_numbers, lesions),
    ):
        path = folder / f'{stem}_space-SWI_desc-{desc}_dseg.nii.gz'
        nib.save(image, path)
        table.to_csv(_sidecar(path, '.tsv'), sep='\t', index=False, na_rep='n/a')
        described = {c: {'Description': COLUMNS[c]} for c in table.columns if c in COLUMNS}
        _write_json(
            _sidecar(path), {'SpatialReference': f'bids:raw:{swi}', 'Manual': False} | described
        )
    subject.mimics.to_csv(folder / f'{stem}_mimics.tsv', sep='\t', index=False, na_rep='n/a')


def _scan(name: str, acquisition: Acquisition) -> dict:
    """Return an input's sidecar."""
    scan = {
        'Manufacturer': 'deepmir-simulate',
        'ManufacturersModelName': __version__,
        'MagneticFieldStrength': acquisition.field_t,
    }
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


def _sidecar(path: Path, suffix: str = '.json') -> Path:
    return path.with_name(path.name.removesuffix('.nii.gz') + suffix)


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + '\n')
