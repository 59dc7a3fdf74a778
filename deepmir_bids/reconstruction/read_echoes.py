"""Magnitude and phase from whatever parts a scanner or a converter has stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes

from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.errors import InputError
from deepmir_bids.imaging.image_content import measure_content, why_no_magnitude
from deepmir_bids.imaging.nifti_file import read_image
from deepmir_bids.imaging.read_image import load_volume
from deepmir_bids.reconstruction.phase_units import radians

#: Gives image and values of a file.
Reader = Callable[[Path], tuple[Any, np.ndarray]]


@dataclass(frozen=True)
class Echoes:
    """Echoes (echoes, X, Y, Z) in canonical order, float32, the phase in rad.

    ``affine`` is theirs, in mm; ``phase_unit`` says how the phase was stored.
    """

    magnitude: np.ndarray
    phase: np.ndarray
    affine: np.ndarray
    phase_unit: str
    notes: tuple[str, ...] = ()

    @property
    def voxel_mm(self) -> tuple[float, ...]:
        """Voxel sizes."""
        return tuple(voxel_sizes(self.affine).tolist())

    @property
    def b0_direction(self) -> tuple[float, ...]:
        """Direction of the main field, the scanner's own z, in the axes of the voxels."""
        return tuple(float(part) for part in self.affine[2, :3] / self.voxel_mm)

    @property
    def combined(self) -> np.ndarray:
        """Magnitude of all echoes together (X, Y, Z): the root of the sum of their squares."""
        return np.sqrt(np.square(self.magnitude).sum(axis=0))


def read_echoes(raw: RawEchoes, read: Reader = read_image) -> Echoes:
    """Read all echoes of a scan.

    Parameters
    ----------
    raw
        Its files.
    read
        What reads one, for whoever looks at them, too: each is read once.

    Raises
    ------
    InputError
        A file cannot be read, or is not what its name says.

    """
    magnitudes, phases, notes, unit, affine = [], [], [], 'rad', np.eye(4)
    for files in raw.files:
        if raw.parts == ('mag', 'phase'):
            magnitude, affine, mended = _volumes(files[0], *read(files[0]))
            phase, _, mended_phase = _volumes(files[1], *read(files[1]))
            notes += [*mended, *mended_phase]
        else:
            images, affine, mended = _complex_volumes(files, read)
            notes += mended
            magnitude, phase = np.abs(images), np.angle(images).astype(np.float32)
        if why := why_no_magnitude(measure_content(magnitude[0])):
            raise InputError(f'{files[0]}: {why}.')
        magnitudes.append(magnitude)
        phases.append(phase)
    if raw.parts == ('mag', 'phase'):
        names = [files[1].name for files in raw.files]
        stored, strengths = (
            [np.moveaxis(one, 0, -1) for one in part] for part in (phases, magnitudes)
        )
        found, unit = radians(stored, strengths, names)
        phases = [np.moveaxis(one, -1, 0) for one in found]
    return Echoes(
        np.concatenate(magnitudes),
        np.concatenate(phases),
        affine,
        unit,
        tuple(dict.fromkeys(notes)),
    )


def _volumes(path: Path, image: Any, data: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Volumes of a file (volumes, X, Y, Z) in canonical order, their affine, what was mended."""
    stack = data.reshape(*data.shape[:3], -1)
    loaded = [load_volume(path, (image, stack[..., n])) for n in range(stack.shape[-1])]
    arrays = [np.asarray(volume.dataobj) for volume, _ in loaded]
    notes = list(dict.fromkeys(note for _, said in loaded for note in said))
    return np.stack(arrays), loaded[0][0].affine, notes


def _complex_volumes(
    files: tuple[Path, ...], read: Reader
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The same of complex numbers, stored in one file or in two."""
    if len(files) > 1:
        real, affine, notes = _volumes(files[0], *read(files[0]))
        imaginary, _, more = _volumes(files[1], *read(files[1]))
        return real + 1j * imaginary, affine, [*notes, *more]
    import nibabel as nib

    image, _ = read(files[0])
    numbers = np.asanyarray(image.dataobj)
    plain = nib.Nifti1Image(np.zeros(image.shape[:3], np.float32), image.affine)
    plain.header.set_xyzt_units(*image.header.get_xyzt_units())
    real, affine, notes = _volumes(files[0], plain, numbers.real.astype(np.float32))
    imaginary, _, _ = _volumes(files[0], plain, numbers.imag.astype(np.float32))
    return real + 1j * imaginary, affine, notes
