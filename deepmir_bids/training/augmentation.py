"""How patches vary from one sight to the next: place, intensities, and what was measured at all.

All patches of a batch are varied together, on whatever device they are; the few numbers that say
how are drawn on the processor, so that a batch looks the same on every device but for its noise.
The sign of a QSM is never changed: it tells a microbleed from a calcification.

``x`` is a float32 tensor (patch, 3, X, Y, Z) throughout, NaN where nothing was measured.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

SWI, QSM, T2W = range(3)
#: Value of a signal void in an SWI that is normalised (``intensity_normalisation.normalise_swi``).
VOID = -4.0
#: How often a patch keeps its QSM, its T2w: all four combinations of inputs are common.
KEPT = {(True, True): 0.36, (True, False): 0.2, (False, True): 0.2, (False, False): 0.24}
#: How often each axis is mirrored: a head has no preferred side, but it has a front and a top.
MIRRORED = (0.5, 0.2, 0.1)
#: By how much the scale and the offset of SWI, QSM and T2w vary, and how much noise they get.
#: Phase masks and QSM inversions differ by a third from one site to the next.
SCALE, OFFSET, NOISE = (0.3, 0.35, 0.3), (0.2, 0.1, 0.5), (0.35, 0.4, 0.4)
#: Reach in voxels of the kernel that smooths.
REACH = 4


def augment(
    x: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, rng: np.random.Generator
) -> None:
    """Vary a batch in place: ``x``, ``target`` and ``weight`` (patch, channel, X, Y, Z)."""
    mirror((x, target, weight), rng)
    drop_inputs(x, rng)
    hide_border(x, _some(len(x), 0.4, rng), rng)
    misplace(x[:, T2W], _some(len(x), 0.3, rng), rng)
    bend(x[:, SWI], _some(len(x), 0.5, rng), rng)
    vary_intensity(x, rng)
    soften(x, _some(len(x), 0.12, rng), rng)
    soften(x[:, QSM : QSM + 1], _some(len(x), 0.12, rng), rng)


def _some(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Which of ``count`` patches something happens to."""
    return np.flatnonzero(rng.random(count) < share)


def per_patch(values: np.ndarray, x: torch.Tensor) -> torch.Tensor:
    """A value for each patch (n,), or for each of its channels (n, c), to compute with ``x``."""
    values = np.asarray(values, np.float32)
    numbers = torch.from_numpy(values).to(x.device)
    return numbers.reshape(values.shape + (1,) * (x.ndim - values.ndim))


def mirror(parts: tuple[torch.Tensor, ...], rng: np.random.Generator) -> None:
    """Mirror patches and their labels along some axes, in place."""
    for axis, often in enumerate(MIRRORED, start=2):
        chosen = _some(len(parts[0]), often, rng)
        for part in parts:
            part[chosen] = part[chosen].flip(axis)


def drop_inputs(x: torch.Tensor, rng: np.random.Generator) -> None:
    """Remove QSM, T2w, both or neither, in place. SWI always stays."""
    kept = np.array(list(KEPT))[rng.choice(len(KEPT), size=len(x), p=list(KEPT.values()))]
    for channel, keep in zip((QSM, T2W), kept.T, strict=True):
        x[np.flatnonzero(~keep), channel] = torch.nan


def hide_border(x: torch.Tensor, chosen: np.ndarray, rng: np.random.Generator) -> None:
    """Erode the region where QSM was measured, by up to 6 mm, in place: masks differ by method."""
    qsm = x[chosen, QSM]
    reach = rng.integers(1, (8, 8, 4), size=(len(chosen), 3))
    missing = torch.isnan(qsm)
    for axis, radius in enumerate(torch.from_numpy(reach).to(x.device).T, start=1):
        missing = _grown(missing, radius, axis)
    x[chosen, QSM] = qsm.masked_fill(missing, torch.nan)


def _grown(mask: torch.Tensor, radius: torch.Tensor, axis: int) -> torch.Tensor:
    """Masks (n, X, Y, Z) grown along an axis, each by its radius (n,) in voxels."""
    size = mask.shape[axis]
    before = F.pad(mask.movedim(axis, -1).cumsum(-1, dtype=torch.int16), (1, 0))
    place = torch.arange(size, device=mask.device)
    last = (place + radius[:, None] + 1).clamp(max=size)
    first = (place - radius[:, None]).clamp(min=0)
    shape = (*before.shape[:-1], size)
    last, first = (index[:, None, None].expand(shape) for index in (last, first))
    return (before.gather(-1, last) > before.gather(-1, first)).movedim(-1, axis)


def misplace(t2w: torch.Tensor, chosen: np.ndarray, rng: np.random.Generator) -> None:
    """Shift T2w (n, X, Y, Z) by up to a voxel, in place: it is registered, and may be off."""
    for patch, shift in zip(chosen, rng.integers(-1, 2, size=(len(chosen), 3)), strict=True):
        t2w[patch] = t2w[patch].roll(tuple(shift), dims=(0, 1, 2))


def bend(swi: torch.Tensor, chosen: np.ndarray, rng: np.random.Generator) -> None:
    """Raise the signal of normalised SWI (n, X, Y, Z) to a power, in place.

    Echo time and field, and how often the phase mask multiplies, are factors of its logarithm.
    """
    power = per_patch(np.exp(rng.uniform(-0.5, 0.5, len(chosen))), swi)
    signal = (1 - swi[chosen] / VOID).clamp(min=0)
    swi[chosen] = (VOID - VOID * signal**power).clamp(max=-VOID)


def vary_intensity(x: torch.Tensor, rng: np.random.Generator) -> None:
    """Scale, shift and add noise to each image, in place, in its normalised units."""
    shape = x.shape[:2]
    scale = rng.uniform(-1, 1, shape) * SCALE
    offset = rng.uniform(-1, 1, shape) * OFFSET
    noise = rng.uniform(0, 1, shape) * NOISE * (rng.random(shape) < 0.5)
    x *= per_patch(1 + scale, x)
    x += per_patch(offset, x)
    generator = torch.Generator(x.device).manual_seed(int(rng.integers(2**62)))
    patch, channel = np.nonzero(noise)
    grain = torch.randn((len(patch), *x.shape[2:]), device=x.device, generator=generator)
    x[patch, channel] += grain * per_patch(noise[patch, channel], grain)


def soften(x: torch.Tensor, chosen: np.ndarray, rng: np.random.Generator) -> None:
    """Smooth the images of a patch alike, in place.

    As with larger voxels, or a more regular inversion.
    """
    images = x[chosen]
    missing = torch.isnan(images)
    smooth = images.masked_fill(missing, 0)
    sigma = rng.uniform(0.3, 1.1, (len(chosen), 1)) * np.array([1.0, 1.0, 0.6])
    for axis, widths in enumerate(sigma.T, start=2):
        smooth = _smoothed(smooth, widths, axis)
    x[chosen] = smooth.masked_fill(missing, torch.nan)


def _smoothed(x: torch.Tensor, sigma: np.ndarray, axis: int) -> torch.Tensor:
    """Each patch (n, channel, X, Y, Z) convolved with a Gaussian (n,) in voxels along an axis."""
    steps = np.arange(-REACH, REACH + 1)
    kernel = np.exp(-0.5 * (steps / sigma[:, None]) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    size = x.shape[axis]
    index = torch.arange(-REACH, size + REACH, device=x.device).clamp(0, size - 1)
    padded = x.index_select(axis, index)
    parts = (per_patch(kernel[:, i], x) * padded.narrow(axis, i, size) for i in range(len(steps)))
    return sum(parts, torch.zeros_like(x))
