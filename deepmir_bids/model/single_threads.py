"""The same result on any number of threads: the work is cut into pieces, each done on one thread.

What torch and oneDNN compute on several threads depends on how many there are: they choose other
algorithms for a convolution, and where a thread's share ends a vector's rest goes through other
functions. The last digits differ and, now and then, a voxel of a mask. How the work is cut here
depends on its size alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

Piece = TypeVar('Piece')
Result = TypeVar('Result')

#: Least thickness of a slab. On one thread torch leaves a thinner one to a convolution of its own,
#: which takes up to six times as long as oneDNN's.
THICKNESS = 6


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch use ``count`` threads, or as many as it does already."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def map_pieces(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """Do some work on each piece, on one thread, as many at a time as torch has threads."""
    # What a thread sets holds for itself and for threads that begin later, hence the restoring.
    with (
        torch_threads(None),
        ThreadPoolExecutor(torch.get_num_threads(), initializer=be_alone) as pool,
    ):
        return list(pool.map(work, pieces))


def be_alone() -> None:
    """Let torch compute on this thread alone: for a pool, within :func:`torch_threads`."""
    torch.set_num_threads(1)


def by_slabs(layers: Iterable[nn.Module], x: torch.Tensor) -> torch.Tensor:
    """Apply layers to a volume, the convolutions among them slab by slab across X.

    Each slab goes through what normalises and activates the convolution's result, too, while it is
    in the processor's cache. A network that is learning, or on a GPU, gets its layers as they are.

    Parameters
    ----------
    layers
        Convolutions with a stride of 1 that keep the size, or whose stride is their size (up or
        down), each followed by any number of batch normalisations and ReLUs; other modules.
    x
        Volume (batch, channel, X, Y, Z).

    """
    stage: list[nn.Module] = []
    for layer, following in pairwise([*layers, None]):
        stage.append(layer)  # type: ignore[arg-type]
        if isinstance(following, nn.BatchNorm3d | nn.ReLU):
            continue
        if isinstance(stage[0], nn.Conv3d | nn.ConvTranspose3d) and not (
            torch.is_grad_enabled() or x.device.type != 'cpu'
        ):
            x = _convolve(stage[0], stage[1:], x)
        else:
            for module in stage:
                x = module(x)
        stage = []
    return x


def _convolve(
    convolution: nn.Conv3d | nn.ConvTranspose3d, others: list[nn.Module], x: torch.Tensor
) -> torch.Tensor:
    """Apply a convolution, and the layers after it, on one thread per slab."""
    # What autocast does in this thread it would not do in those.
    dtype = torch.get_autocast_dtype('cpu') if torch.is_autocast_enabled('cpu') else x.dtype
    x, weight = x.to(dtype), convolution.weight.to(dtype)
    bias = None if convolution.bias is None else convolution.bias.to(dtype)
    up = isinstance(convolution, nn.ConvTranspose3d)
    stride, rim = convolution.stride, int(convolution.padding[0])
    size = [n * s if up else n // s for n, s in zip(x.shape[2:], stride, strict=True)]
    result = torch.empty(
        (len(x), convolution.out_channels, *size),
        dtype=dtype,
        memory_format=torch.channels_last_3d,
    )

    def fill(slab: tuple[int, int]) -> None:
        # Of the coarser of the two grids.
        coarse, fine = slice(*slab), slice(*(n * stride[0] for n in slab))
        with torch.inference_mode():
            if up:
                part = F.conv_transpose3d(x[:, :, coarse], weight, bias, stride)
            else:
                part = F.conv3d(
                    _with_rim(x, fine, rim), weight, bias, stride, (0, *convolution.padding[1:])
                )
            for layer in others:
                part = layer(part)
            result[:, :, fine if up else coarse] = part

    thickness = x.shape[2] if up else size[0]
    cuts = np.linspace(0, thickness, max(1, thickness // THICKNESS) + 1).astype(int).tolist()
    map_pieces(fill, pairwise(cuts))
    return result


def _with_rim(x: torch.Tensor, slab: slice, rim: int) -> torch.Tensor:
    """Cut a slab with the rows beside it that a kernel reaches, zero outside the volume."""
    first, last = slab.start - rim, slab.stop + rim
    outside = (max(-first, 0), max(last - x.shape[2], 0))
    part = x[:, :, max(first, 0) : last]
    return F.pad(part, (0, 0, 0, 0, *outside)) if any(outside) else part
