"""What an image is, by its values alone: whether it can be the magnitude that its name says.

Names lie more often than pixels. All of this is looked at before any registration, and again by
``--dry-run``, so it needs no brain mask: the centre of the volume stands for the head, its six
faces for air. A volume cut out of a head has no air, which nothing here counts against it. The
bounds lie between the sound images and the others of ``docs/inputs.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.read_image import load_volume

if TYPE_CHECKING:
    import nibabel as nib

#: More negative voxels than this in the centre (of those that are not 0) and it is no magnitude.
MOST_NEGATIVE = 0.005
#: The darkest voxels of a magnitude are not below 0, but for ringing of this share of the head.
RINGING = 0.1
#: A wrap takes neighbours apart by nearly the whole range, which hardly a vein does.
JUMP = 0.7
#: More of such steps than this, and the values wrap around.
MOST_JUMPS = 0.008
#: A filtered phase is flat: its span (of 99 % of the centre) is so many times that of the middle
#: half and more. A magnitude has contrast.
LONG_TAILS = 15
#: Air is this much brighter than the head, on every face, where a magnitude was inverted.
BRIGHT_AIR = 1.3
#: Noise of the air over that of the head: below 1 in a magnitude, far above in a phase image.
NOISY_AIR = 2.5
#: A magnitude has voxels without signal: where the darkest ones keep this share of the head's
#: signal, something was added to it.
LEAST_OFFSET = 0.08
#: A face is air where its signal above the darkest voxels is below this share of the head's.
AIR = 0.3
#: The air is seen where it fills so many of the six faces.
LEAST_AIR_FACES = 3
#: Values beyond this on both sides of 0 fill the 16 bits of a number with a sign.
HALF_OF_16_BITS = 10000
#: Thickness of the faces, as a share of each side.
FACE = 0.06


@dataclass(frozen=True)
class Content:
    """Measures of the values of a volume.

    Attributes
    ----------
    head
        Median of the centre, zeros left out.
    darkest, brightest
        The 0.1st and 99.9th percentile of the whole volume.
    negative
        Share of negative voxels in the centre, zeros left out.
    jumps
        Share of neighbours in the centre, along the worst axis, that differ by most of the range.
    tails
        Span of the middle 99 % of the values in the centre over that of their middle half, zeros
        left out; 0 where half of them are equal.
    faces
        Median of each of the six faces.
    air_noise
        Median difference between neighbours, of the quietest direction, on the faces over that in
        the centre; 0 where the faces are constant.

    """

    head: float
    darkest: float
    brightest: float
    negative: float
    jumps: float
    tails: float
    faces: tuple[float, ...]
    air_noise: float

    @property
    def air_faces(self) -> int:
        """How many of the faces lie in air."""
        reach = AIR * (self.head - self.darkest)
        return sum(face - self.darkest < reach for face in self.faces)


def measure_content(data: np.ndarray) -> Content:
    """Measure a volume (X, Y, Z), finite."""
    centre = data[tuple(slice(n // 4, max(n - n // 4, 1)) for n in data.shape)]
    signal = centre[centre != 0]
    if not signal.size:
        signal = centre
    darkest, brightest = (float(v) for v in np.percentile(data[::2, ::2], (0.1, 99.9)))
    steps = [np.abs(np.diff(centre, axis=axis)) for axis in range(3)]
    reach = JUMP * (brightest - darkest)
    low, first, third, high = (float(v) for v in np.percentile(signal, (0.5, 25, 75, 99.5)))
    faces = [_face(data, axis, side) for axis in range(3) for side in (0, 1)]
    head_noise = min((float(np.median(step)) for step in steps if step.size), default=0.0)
    air_noise = float(np.median([_roughness(face) for face in faces]))
    return Content(
        head=float(np.median(signal)),
        darkest=darkest,
        brightest=brightest,
        negative=float((signal < 0).mean()),
        jumps=max((float((step > reach).mean()) for step in steps if step.size), default=0.0),
        tails=(high - low) / (third - first) if third > first else 0.0,
        faces=tuple(float(np.median(face)) for face in faces),
        air_noise=air_noise / head_noise if head_noise else 0.0,
    )


def why_no_magnitude(content: Content) -> str:
    """Say what a volume seems to be, where it cannot be a magnitude or an SWI; empty if it can."""
    signed = content.negative > MOST_NEGATIVE or content.darkest < -RINGING * abs(content.head)
    if signed and content.darkest < -HALF_OF_16_BITS and content.brightest > HALF_OF_16_BITS:
        return (
            'its values wrap around: what exceeds 32767 was stored with a sign; convert it again, '
            'or store it as unsigned numbers'
        )
    if content.jumps > MOST_JUMPS:
        return 'its values wrap around, as those of a phase image: give the magnitude'
    if content.air_noise > NOISY_AIR:
        return 'the air is noisier than the head, as in a phase image: give the magnitude'
    if content.tails > LONG_TAILS and not signed:
        return (
            'it is flat but for a few voxels, as a phase image is after a high-pass filter: give '
            'the magnitude'
        )
    if signed:
        return (
            'it has negative values, as a phase image, a susceptibility map, or an image that was '
            'z-scored: give the magnitude as it comes from the scanner'
        )
    if min(content.faces) > BRIGHT_AIR * content.head:
        return 'the air is brighter than the head, as in an inverted image: invert it back'
    return ''


def added_offset(content: Content) -> float:
    """What was added to every voxel of a magnitude, as its air shows; 0 if nothing."""
    seen = content.air_faces >= LEAST_AIR_FACES
    return content.darkest if seen and content.darkest > LEAST_OFFSET * content.head else 0.0


def load_magnitude(
    path: str | Path, read: tuple[Any, np.ndarray] | None = None
) -> tuple[nib.Nifti1Image, list[str], list[str]]:
    """Read an SWI, or a magnitude that stands in for it, as `load_volume` does.

    An offset that the air shows is taken off.

    Returns
    -------
    image, notes, flags
        The image; what was mended, in a sentence and in a word each.

    Raises
    ------
    InputError
        As `load_volume`, and where the values are no magnitude's.

    """
    import nibabel as nib

    volume, notes = load_volume(path, read)
    values = volume.get_fdata(dtype=np.float32)
    content = measure_content(values)
    if why := why_no_magnitude(content):
        raise InputError(
            f'{path} is no SWI and no magnitude image: {why}, or choose another file.'
        )
    if offset := added_offset(content):
        values = np.maximum(values - offset, 0)
        notes = [
            *notes,
            f'{Path(path).name}: the air is at {offset:.4g}, which was subtracted.',
        ]
    flags = ['swi_offset'] if offset else []
    return nib.Nifti1Image(values, volume.affine, volume.header), notes, flags


def _face(data: np.ndarray, axis: int, side: int) -> np.ndarray:
    n = data.shape[axis]
    thick = max(1, round(FACE * n))
    part = slice(0, thick) if side == 0 else slice(n - thick, n)
    return data[tuple(part if a == axis else slice(None) for a in range(3))]


def _roughness(face: np.ndarray) -> float:
    axis = int(np.argmax(face.shape))
    return float(np.median(np.abs(np.diff(face, axis=axis))))
