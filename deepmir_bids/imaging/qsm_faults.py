"""Faults of susceptibility maps that would be taken for lesions, told by the map alone.

Nothing here needs a unit or a brain mask: what was measured is told by the map's own zeros, and
all bounds are in robust standard deviations (half of the range from the 16th to the 84th
percentile), which are .018 to .033 ppm in real and simulated brains. ``docs/inputs.md`` has the
figures that the bounds lie between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.large_volumes import box_of
from deepmir_bids.imaging.read_image import dilate, load_volume
from deepmir_bids.imaging.resampling import measured_voxels

if TYPE_CHECKING:
    import nibabel as nib

#: Neighbouring slices of a sound map correlate by .5 and more, of one with signs in turn by -.6.
LEAST_CORRELATION = 0.0
#: A dot stands out by this much, and no more of its six neighbours by half of it: of a microbleed
#: of one voxel's size, partial volume leaves more.
DOT_SD, MOST_BESIDE = 12.0, 1
#: Dots of one sign, as a share of the voxels, above which they are no microbleeds.
MOST_DOTS = 1e-4
#: The typical size of values in a shell at the map's edge; sound ones reach .8, a bad rim 7.
RIM_SD = 2.0
#: Shells of this thickness are looked at, up to the number that the first ones call for.
SHELL_MM, MOST_SHELLS = 1.5, 5


@dataclass(frozen=True)
class MendedMap:
    """A map with its faults taken out, what they were in a sentence each, and in a word each."""

    chi: np.ndarray
    notes: tuple[str, ...]
    flags: tuple[str, ...]


def load_chi(
    path: str | Path, read: tuple[Any, np.ndarray] | None = None
) -> tuple[nib.Nifti1Image, list[str], list[str]]:
    """Read a susceptibility map, as `load_volume` does, and mend it.

    Returns
    -------
    image, notes, flags
        The map, in its own unit and sign; what was mended, in a sentence and in a word each.

    Raises
    ------
    InputError
        As `load_volume`, and where its slices have opposite signs in turn.

    """
    import nibabel as nib

    volume, notes = load_volume(path, read)
    chi = volume.get_fdata(dtype=np.float32).copy()
    box = box_of(chi != 0, 1)  # most of a volume is air
    if signs_in_turn(chi[box]):
        raise InputError(
            f'{path} has the opposite sign in every other slice, as a phase that was not mended '
            'before (GE): make the map again.'
        )
    mended = mend_chi(chi[box], nib.affines.voxel_sizes(volume.affine))
    chi[box] = mended.chi
    notes += [f'{Path(path).name}: {note}.' for note in mended.notes]
    image = nib.Nifti1Image(chi, volume.affine, volume.header)
    return image, notes, list(mended.flags)


def mend_chi(chi: np.ndarray, zooms: Sequence[float]) -> MendedMap:
    """Take dots and a bad rim out of a susceptibility map.

    Parameters
    ----------
    chi
        Array (X, Y, Z), finite, in any unit and sign; 0 where not measured.
    zooms
        Voxel sizes in mm.

    """
    measured = measured_voxels(chi)
    middle, spread = _typical(chi[measured])
    if not spread:
        return MendedMap(chi, (), ())
    chi, notes, flags = chi.copy(), [], []
    rim, depth_mm = _bad_rim(np.abs(chi - middle) / spread, measured, zooms)
    if depth_mm:
        chi[rim] = 0
        measured &= ~rim
        notes.append(
            f'a rim of {depth_mm:.1f} mm at the edge of the map, where its values are many times '
            'those inside, counts as not measured'
        )
        flags.append('qsm_rim')
    dots = _dots((chi - middle) / spread, measured)
    if dots.any():
        chi[dots] = middle
        notes.append(f'{int(dots.sum())} voxels that stand out alone were levelled')
        flags.append('qsm_dots')
    return MendedMap(chi, tuple(notes), tuple(flags))


def signs_in_turn(chi: np.ndarray) -> bool:
    """Whether every other slice, along some axis, has the opposite sign."""
    measured = measured_voxels(chi)
    for axis in range(3):
        # A quarter of the voxels of each slice tells as much.
        values, there = (np.moveaxis(one, axis, 0)[:, ::2, ::2] for one in (chi, measured))
        both = there[:-1] & there[1:]
        one, next_one = values[:-1][both], values[1:][both]
        if one.size < 1000 or not one.std() or not next_one.std():
            continue
        if np.corrcoef(one, next_one)[0, 1] < LEAST_CORRELATION:
            return True
    return False


def _typical(values: np.ndarray) -> tuple[float, float]:
    if not values.size:
        return 0.0, 0.0
    low, middle, high = np.percentile(values, (16, 50, 84))
    return float(middle), float(high - low) / 2


def _bad_rim(
    size: np.ndarray, measured: np.ndarray, zooms: Sequence[float]
) -> tuple[np.ndarray, float]:
    """Shells at the edge of the map whose values are too large to be brain, and their depth."""
    from scipy.ndimage import distance_transform_edt

    rim = np.zeros(measured.shape, dtype=bool)
    thickness = max(SHELL_MM, min(zooms))
    # The volume may end inside the brain, so its own faces are no edge.
    outer = measured & dilate(~measured, np.diag([*zooms, 1]), thickness)
    if not outer.any() or np.median(size[outer]) <= RIM_SD:
        return rim, 0.0
    depth = distance_transform_edt(measured, sampling=zooms)
    for number in range(MOST_SHELLS):
        shell = measured & (depth > number * thickness) & (depth <= (number + 1) * thickness)
        if shell.any() and np.median(size[shell]) <= RIM_SD:
            break
        rim |= shell
    return rim, number * thickness if rim.any() else 0.0


def _dots(deviation: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Voxels that stand out alone, of either sign, where there are too many of them."""
    found = np.zeros(measured.shape, dtype=bool)
    most = MOST_DOTS * measured.sum()
    for sign in (1, -1):
        size = np.where(measured, sign * deviation, 0)
        if (size > DOT_SD).sum() <= most:
            continue
        beside = sum(
            (np.roll(size, step, axis) > DOT_SD / 2).astype(np.int8)
            for axis in range(3)
            for step in (1, -1)
        )
        alone = (size > DOT_SD) & (beside <= MOST_BESIDE)
        if alone.sum() > most:
            found |= alone
    return found
