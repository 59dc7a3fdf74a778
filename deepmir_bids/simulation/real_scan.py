"""How a real gradient echo was acquired, as its header and its sidecar say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmir_bids.errors import InputError
from deepmir_bids.simulation.acquisition import Acquisition

if TYPE_CHECKING:
    import nibabel as nib

#: Echo times in s and field strengths in T that a gradient echo of a head may have.
ECHO_TIMES_S, FIELDS_T = (0.001, 0.1), (0.2, 12.0)


@dataclass(frozen=True)
class ScanOptions:
    """What a user says of all scans, instead of their sidecars and headers.

    ``b0_direction`` is that of the main field in the image's world (RAS+), of any length.
    """

    echo_time_s: float | None = None
    field_t: float | None = None
    b0_direction: tuple[float, float, float] | None = None


def read_acquisition(
    image: nib.Nifti1Image,
    path: Path,
    metadata: dict[str, Any],
    options: ScanOptions,
    *,
    masked: bool,
) -> Acquisition:
    """Return how an SWI was acquired, what it does not say being usual.

    Parameters
    ----------
    image
        SWI or magnitude, its voxels stored in the order nearest to RAS+.
    path
        Its file, for messages.
    metadata
        What its sidecars say: ``EchoTime`` in s (or ms, where it is above 1) and
        ``MagneticFieldStrength`` in T, and deepmir's own ``PhaseFilterWidth`` and
        ``PhaseMaskPower``.
    options
        What goes before that.
    masked
        Whether a phase mask multiplied the magnitude, as in an SWI.

    Raises
    ------
    InputError
        If echo time or field strength is not known, or cannot be true.

    """
    from nibabel.affines import apply_affine, voxel_sizes
    from scipy.spatial.transform import Rotation

    voxel_mm = voxel_sizes(image.affine)
    x, y, z = image.shape
    middle = (np.array(image.shape) - 1) / 2
    echo_time = _number(path, metadata, 'EchoTime', '--echo-time', options.echo_time_s)
    echo_time /= 1000 if echo_time > 1 else 1
    field_t = _number(path, metadata, 'MagneticFieldStrength', '--field-strength', options.field_t)
    _check(path, 'echo time', echo_time, 's', ECHO_TIMES_S, '--echo-time')
    _check(path, 'field strength', field_t, 'T', FIELDS_T, '--field-strength')
    return Acquisition(
        field_t=field_t,
        echo_time_s=echo_time,
        voxel_mm=tuple(voxel_mm.tolist()),
        shape=(x, y, z),
        centre_mm=tuple(apply_affine(image.affine, middle).tolist()),
        tilt_deg=tuple(
            Rotation.from_matrix(image.affine[:3, :3] / voxel_mm).as_euler('xyz', degrees=True)
        ),
        highpass_width=_count(metadata, 'PhaseFilterWidth', 1, Acquisition.highpass_width),
        mask_power=_count(metadata, 'PhaseMaskPower', 0, Acquisition.mask_power) if masked else 0,
    )


def b0_in_image(acquisition: Acquisition, options: ScanOptions) -> np.ndarray:
    """Return the main field's direction in the image's axes."""
    if options.b0_direction is None:
        return acquisition.b0_direction
    return acquisition.rotation.T @ np.array(options.b0_direction)


def _count(metadata: dict[str, Any], field: str, least: int, usual: int) -> int:
    """Return a field that is a whole number from ``least``, or what is usual."""
    value = metadata.get(field)
    return value if isinstance(value, int) and value >= least else usual


def _number(
    path: Path, metadata: dict[str, Any], field: str, option: str, given: float | None
) -> float:
    value = metadata.get(field) if given is None else given
    if isinstance(value, bool) or not isinstance(value, int | float):
        said = 'does not give' if value is None else 'gives no single number as'
        raise InputError(f'The sidecar of {path} {said} {field}: say it with {option}.')
    return float(value)


def _check(
    path: Path, what: str, value: float, unit: str, bounds: tuple[float, float], option: str
) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise InputError(
            f'{path} cannot have the {what} of {value:g} {unit} ({low:g} to {high:g} {unit} are '
            f'possible): mend its sidecar, or say it with {option}.'
        )
