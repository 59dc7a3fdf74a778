"""Simulated magnitude and phase as other scanners and converters would have left them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

from deepmir_bids.simulation.raw_echoes import PHASE_STEPS
from deepmir_bids.simulation.simulated_dataset import sidecar, write_json

#: Turn about the scanner's z, which leaves the main field where it is in the image.
TURN_DEG = 20


def restyle(folder: Path, style: str) -> None:
    """Rewrite the pairs of magnitude and phase in an ``anat`` folder, each once.

    Parameters
    ----------
    folder
        Where `deepmir_bids.simulation.simulated_dataset.write_subject` wrote echoes.
    style
        A name of `STYLES`, or ``'oblique'``, which turns every image of the folder.

    """
    if style == 'oblique':
        _turn(folder)
        return
    for path in sorted(folder.glob('*_part-phase_*.nii.gz')):
        magnitude = nib.load(_part(path, 'mag'))
        phase = nib.load(path).get_fdata() * np.pi / PHASE_STEPS
        STYLES[style](path, magnitude.get_fdata() * np.exp(1j * phase), magnitude.affine)


def _radians(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    _rewrite(path, np.angle(image).astype(np.float32), affine, 'rad')


def _degrees(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    _rewrite(path, np.degrees(np.angle(image)).astype(np.float32), affine)


def _unsigned(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    """From 0 to 4095, as Siemens stores it."""
    _rewrite(path, np.rint((np.angle(image) / np.pi + 1) / 2 * 4095).astype(np.int16), affine)


def _slope(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    """Radians, by the header's scl_slope."""
    stored = nib.Nifti1Image(np.angle(image), affine)
    stored.header.set_data_dtype(np.int16)
    nib.save(stored, path)
    _say_units(path, 'rad')


def _opposite(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    _rewrite(path, _steps(np.conj(image)), affine)


def _slice_flips(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    """Every other slice turned by pi, as GE leaves it."""
    flipped = image.copy()
    flipped[..., 1::2] *= -1
    _rewrite(path, _steps(flipped), affine)


def _real_imag(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    facts = json.loads(sidecar(path).read_text())
    facts.pop('Units')
    for part, values in (('real', image.real), ('imag', image.imag)):
        nib.save(nib.Nifti1Image(values.astype(np.float32), affine), _part(path, part))
        write_json(sidecar(_part(path, part)), facts)
    _remove_pair(path)


def _complex(path: Path, image: np.ndarray, affine: np.ndarray) -> None:
    facts = json.loads(sidecar(path).read_text())
    facts.pop('Units')
    whole = path.with_name(path.name.replace('_part-phase', ''))
    nib.save(nib.Nifti1Image(image.astype(np.complex64), affine), whole)
    write_json(sidecar(whole), facts)
    _remove_pair(path)


#: How a phase image's path, its complex image and its affine become files.
STYLES: dict[str, Callable[[Path, np.ndarray, np.ndarray], None]] = {
    'radians': _radians,
    'degrees': _degrees,
    'unsigned': _unsigned,
    'slope': _slope,
    'opposite': _opposite,
    'slice-flips': _slice_flips,
    'real-imag': _real_imag,
    'complex': _complex,
}


def _turn(folder: Path) -> None:
    around = np.eye(4)
    around[:3, :3] = Rotation.from_euler('z', TURN_DEG, degrees=True).as_matrix()
    for path in folder.glob('*.nii.gz'):
        image = nib.load(path)
        turned = nib.Nifti1Image(np.asarray(image.dataobj), around @ image.affine)
        nib.save(turned, path)


def _steps(image: np.ndarray) -> np.ndarray:
    return np.rint(np.angle(image) * PHASE_STEPS / np.pi).astype(np.int16)


def _rewrite(path: Path, values: np.ndarray, affine: np.ndarray, units: str = 'arbitrary') -> None:
    nib.save(nib.Nifti1Image(values, affine), path)
    _say_units(path, units)


def _say_units(path: Path, units: str) -> None:
    write_json(sidecar(path), json.loads(sidecar(path).read_text()) | {'Units': units})


def _part(phase: Path, part: str) -> Path:
    return phase.with_name(phase.name.replace('_part-phase', f'_part-{part}'))


def _remove_pair(phase: Path) -> None:
    for path in (phase, _part(phase, 'mag')):
        path.unlink()
        sidecar(path).unlink()
