"""The complex gradient echo of a head: fine signal, averaged into voxels.

Blooming, flux through thick slices and the loss beside air are not put in: they come of averaging
the complex signal of a grid finer than the voxels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import fft

from deepmir_bids.reconstruction.dipole_kernel import radians_per_ppm
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.dipole_field import dipole_field
from deepmir_bids.simulation.image_grid import (
    Box,
    ImageGrid,
    block_mean,
    interpolate,
    smooth_noise,
)
from deepmir_bids.simulation.small_sources import LocalSource
from deepmir_bids.simulation.tissue_properties import R2STAR_PER_PPM_3T, relaxation_scale

#: R2* of venous blood above tissue's at 3 T in 1/s (T2* 25 ms against 55).
VENOUS_DECAY_3T = 22.0


@dataclass(frozen=True)
class Coarse:
    """A head's maps on its coarse grid: what its tissues are like, and what comes of that.

    ``field_ppm`` is their field, ``signal`` what they send at the echo, without phase, ``decay``
    their R2* in 1/s, and ``chi_ppm`` their susceptibility.
    """

    grid: ImageGrid
    field_ppm: np.ndarray
    signal: np.ndarray
    decay: np.ndarray
    chi_ppm: np.ndarray

    def later(self, seconds: float) -> Coarse:
        """Return the same head at an echo that comes so much later (or earlier, if negative)."""
        return replace(self, signal=self.signal * np.exp(np.float32(-seconds) * self.decay))


@dataclass
class Fine:
    """What is too small for the head's grid, on the voxels of a box, each cut into ``parts``.

    ``field_ppm`` and ``decay`` (in 1/s) hold what is always there, the ``lesion_`` ones what the
    lesions add; ``vein_ppm`` is the veins' susceptibility, averaged over each voxel of the box.
    """

    box: Box
    parts: tuple[int, ...]
    grid: ImageGrid
    field_ppm: np.ndarray
    decay: np.ndarray
    vein_ppm: np.ndarray
    lesion_field_ppm: np.ndarray = field(init=False)
    lesion_decay: np.ndarray = field(init=False)

    def __post_init__(self):
        self.lesion_field_ppm = np.zeros_like(self.field_ppm)
        self.lesion_decay = np.zeros_like(self.field_ppm)


def fine_parts(voxel_mm: tuple[float, ...], finest_mm: tuple[float, ...]) -> tuple[int, int, int]:
    """Return into how many parts each voxel is cut so that none is longer than ``finest_mm``."""
    a, b, c = (
        max(1, int(np.ceil(v / f - 1e-6))) for v, f in zip(voxel_mm, finest_mm, strict=True)
    )
    return a, b, c


def source_decay(local: LocalSource, field_t: float) -> np.ndarray:
    """Return the R2* in 1/s that a source adds on its own grid."""
    rate = R2STAR_PER_PPM_3T * abs(local.source.chi_ppm) + local.source.decay_per_s
    return local.occupancy * np.float32(rate * relaxation_scale(field_t))


def venous_fine(
    box: Box,
    parts: tuple[int, ...],
    share: np.ndarray,
    chi_ppm: np.ndarray,
    acquisition: Acquisition,
) -> Fine:
    """Return the fine maps of veins, from their share of each fine voxel and their effect."""
    grid = acquisition.grid.crop(box).subdivided(parts)
    offset = dipole_field(chi_ppm, grid.spacing, acquisition.b0_direction, padding=1.1)
    share *= np.float32(VENOUS_DECAY_3T * relaxation_scale(acquisition.field_t))
    return Fine(box, parts, grid, offset, share, block_mean(chi_ppm, parts))


def add_source(fine: Fine, local: LocalSource, field_t: float) -> None:
    """Add a source to the fine maps, averaged from its own finer grid."""
    outer = _within(fine, local)
    factors = [n // p for n, p in zip(parts_of(local), fine.parts, strict=True)]
    is_lesion = local.source.is_lesion
    offset = fine.lesion_field_ppm if is_lesion else fine.field_ppm
    decay = fine.lesion_decay if is_lesion else fine.decay
    offset[outer] += block_mean(local.field_ppm, factors)
    decay[outer] += block_mean(source_decay(local, field_t), factors)


def volume_signal(coarse: Coarse, fine: Fine, acquisition: Acquisition) -> np.ndarray:
    """Return the complex signal (X, Y, Z) of all voxels, lesions included, without noise."""
    voxels = acquisition.grid
    radians = np.float32(radians_per_ppm(acquisition.echo_time_s, acquisition.field_t))
    image = interpolate(coarse.signal, coarse.grid, voxels) * np.exp(
        1j * radians * interpolate(coarse.field_ppm, coarse.grid, voxels)
    )
    image = image.astype(np.complex64)
    start, stop = fine.box[2].start, fine.box[2].stop
    for k in range(start, stop, 4):
        slab = slice(k, min(k + 4, stop))
        inner = slice((k - start) * fine.parts[2], (slab.stop - start) * fine.parts[2])
        grid = fine.grid.crop((slice(0, fine.grid.shape[0]), slice(0, fine.grid.shape[1]), inner))
        offset = interpolate(coarse.field_ppm, coarse.grid, grid)
        offset += fine.field_ppm[..., inner]
        offset += fine.lesion_field_ppm[..., inner]
        decay = fine.decay[..., inner] + fine.lesion_decay[..., inner]
        signal = decayed(interpolate(coarse.signal, coarse.grid, grid), decay, offset, acquisition)
        image[fine.box[0], fine.box[1], slab] = block_mean(signal, fine.parts)
    return image


def local_signal(
    coarse: Coarse,
    fine: Fine,
    local: LocalSource,
    acquisition: Acquisition,
    with_lesions: bool,
) -> np.ndarray:
    """Return the complex signal of the voxels of a source's box, from the source's finer grid.

    ``with_lesions`` says whether the lesions are in the head; everything else always is.
    """
    outer = _within(fine, local)
    factors = [n // p for n, p in zip(parts_of(local), fine.parts, strict=True)]
    offset, decay = fine.field_ppm[outer].copy(), fine.decay[outer].copy()
    if with_lesions:
        offset += fine.lesion_field_ppm[outer]
        decay += fine.lesion_decay[outer]
    source_field, decay_of_source = local.field_ppm, source_decay(local, acquisition.field_t)
    present = with_lesions or not local.source.is_lesion
    if present:
        offset -= block_mean(source_field, factors)
        decay -= block_mean(decay_of_source, factors)
    around = fine.grid.crop(outer)
    offset, decay = (interpolate(m, around, local.grid) for m in (offset, decay))
    if present:
        offset += source_field
        decay += decay_of_source
    offset += interpolate(coarse.field_ppm, coarse.grid, local.grid)
    base = interpolate(coarse.signal, coarse.grid, local.grid)
    return block_mean(decayed(base, decay, offset, acquisition), parts_of(local))


def receive(image: np.ndarray, acquisition: Acquisition, rng: np.random.Generator) -> tuple:
    """Draw the coil's complex sensitivity (X, Y, Z) and complex noise of that shape."""
    shape = image.shape
    scale = [80 / v for v in acquisition.voxel_mm]
    shading = np.exp(rng.uniform(0.05, 0.25) * smooth_noise(shape, scale, rng))
    phase = rng.uniform(-np.pi, np.pi) + rng.uniform(0, 1.5) * smooth_noise(shape, scale, rng)
    sensitivity = (shading * np.exp(1j * phase)).astype(np.complex64)
    magnitude = np.abs(image)
    level = float(np.median(magnitude[magnitude > 0.3 * np.percentile(magnitude, 95)]))
    return sensitivity, complex_noise(shape, level / acquisition.snr, rng)


def complex_noise(
    shape: tuple[int, ...], deviation: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw white complex noise whose real and imaginary parts have a standard deviation."""
    noise = rng.standard_normal((2, *shape), dtype=np.float32) * np.float32(deviation)
    return noise[0] + 1j * noise[1]


def zero_fill(image: np.ndarray, share: float) -> np.ndarray:
    """Return a complex image (X, Y, Z) as if only a share of its in-plane k-space were measured.

    The outer lines of both axes are zero, so edges ring as a scanner's interpolation makes them.
    """
    spectrum = fft.fftn(image, axes=(0, 1))
    for axis in (0, 1):
        outside = ~_measured_lines(image.shape[axis], share)
        spectrum[(slice(None),) * axis + (outside,)] = 0
    return fft.ifftn(spectrum, axes=(0, 1)).astype(np.complex64)


def noise_share(shape: tuple[int, ...], share: float) -> float:
    """Return the share of white noise's standard deviation that `zero_fill` leaves in an image.

    Its variance is spread evenly over k-space, so what is left is the part that was measured.
    """
    measured = [_measured_lines(n, share).mean() for n in shape[:2]]
    return float(np.sqrt(np.prod(measured)))


def _measured_lines(n: int, share: float) -> np.ndarray:
    """Return which of an axis' ``n`` lines of k-space are measured, in the order of the FFT."""
    return np.abs(fft.fftfreq(n)) <= share / 2


def decayed(
    signal: np.ndarray, decay: np.ndarray, offset_ppm: np.ndarray, acquisition: Acquisition
) -> np.ndarray:
    """Return signal exp(-TE decay) exp(i phase), complex64; the decay is used up."""
    decay *= np.float32(-acquisition.echo_time_s)
    signal = signal * np.exp(np.minimum(decay, 0))
    angle = offset_ppm * np.float32(radians_per_ppm(acquisition.echo_time_s, acquisition.field_t))
    result = np.empty(signal.shape, dtype=np.complex64)
    np.multiply(signal, np.cos(angle), out=result.real)
    np.multiply(signal, np.sin(angle), out=result.imag)
    return result


def parts_of(local: LocalSource) -> tuple[int, ...]:
    """Return into how many parts a source's grid cuts each voxel."""
    return tuple(
        n // (s.stop - s.start) if s.stop > s.start else 1
        for n, s in zip(local.grid.shape, local.box, strict=True)
    )


def _within(fine: Fine, local: LocalSource) -> Box:
    """Return a source's box in the fine maps."""
    return tuple(
        slice((part.start - whole.start) * n, (part.stop - whole.start) * n)
        for part, whole, n in zip(local.box, fine.box, fine.parts, strict=True)
    )
