"""The default network: a small residual 3D U-Net.

Why not MONAI's UNet: it has no notion of an input that was not measured, its first level would run
at full resolution with few channels (slow: memory-bound), and it has no stem for anisotropic
voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, prod

import torch
from torch import nn
from torch.nn import functional as F

from deepmir_bids.model.lesion_network import LesionNetwork
from deepmir_bids.model.single_threads import by_slabs


class ResidualBlock(nn.Module):
    """Two 3×3×3 convolutions with batch normalisation around an identity (He et al. 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm3d(channels),
            nn.ReLU(inplace=True),
            nn.Conv3d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm3d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu_(by_slabs(self.body, x) + x)


class UNet3D(LesionNetwork):
    """A small residual U-Net for inputs of which some may be missing.

    ``fold`` voxels are folded into channels at the start and unfolded at the end, so that voxels
    of 0.8×0.8×1.5 mm become near-isotropic sites of 1.6×1.6×1.5 mm without losing any detail, and
    every convolution runs with enough channels to be fast. Batch (not instance) normalisation
    keeps a voxel's result the same whatever the size and content of the box around it.

    Parameters
    ----------
    inputs, classes
        Images that go in, logits that come out.
    features
        Channels at each resolution level.
    fold
        Voxels folded into channels along each of the three axes.

    """

    spatial_dims = 3
    memory_format = torch.channels_last_3d

    def __init__(
        self,
        inputs: int = 3,
        classes: int = 2,
        features: Sequence[int] = (32, 64, 96),
        fold: Sequence[int] = (2, 2, 1),
    ):
        super().__init__()
        self.fold = tuple(fold)
        self.stride = tuple(f * 2 ** (len(features) - 1) for f in fold)
        sites = prod(fold)
        self.stem = nn.Sequential(
            nn.Conv3d(2 * inputs * sites, features[0], 3, padding=1, bias=False),
            nn.BatchNorm3d(features[0]),
            nn.ReLU(inplace=True),
            ResidualBlock(features[0]),
        )
        pairs = list(pairwise(features))
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(fine, coarse, 2, stride=2, bias=False),
                nn.BatchNorm3d(coarse),
                nn.ReLU(inplace=True),
                ResidualBlock(coarse),
            )
            for fine, coarse in pairs
        )
        self.bottom = ResidualBlock(features[-1])
        self.up = nn.ModuleList(nn.ConvTranspose3d(c, f, 2, stride=2) for f, c in reversed(pairs))
        self.merge = nn.ModuleList(ResidualBlock(f) for f, _ in reversed(pairs))
        self.head = nn.Conv3d(features[0], classes * sites, 1)
        # Lesions are rare: start from a prior of 1 in 200 voxels, not 1 in 2 (Lin et al. 2017).
        nn.init.constant_(self.head.bias, -log(199.0))  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, class, X, Y, Z) of ``x`` (batch, input, X, Y, Z), NaN if unmeasured."""
        size = x.shape[2:]
        padding = [side for n, s in zip(size[::-1], self.stride[::-1], strict=True)
                   for side in (0, -n % s)]  # fmt: skip
        x = F.pad(x, padding, value=float('nan'))
        measured = torch.isfinite(x)
        x = torch.cat([torch.where(measured, x, 0.0), measured.to(x.dtype)], dim=1)
        features = [by_slabs(self.stem, _fold(x, self.fold))]
        for down in self.down:
            features.append(by_slabs(down.children(), features[-1]))
        x = self.bottom(features.pop())
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(by_slabs([up], x) + features.pop())
        x = _unfold(by_slabs([self.head], x), self.fold)
        return x[:, :, : size[0], : size[1], : size[2]]


def _fold(x: torch.Tensor, fold: tuple[int, ...]) -> torch.Tensor:
    """Move ``fold`` voxels of each axis into channels, in memory order channels last."""
    b, c, *size = x.shape
    i, j, k = (n // f for n, f in zip(size, fold, strict=True))
    x = x.reshape(b, c, i, fold[0], j, fold[1], k, fold[2])
    x = x.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(b, i, j, k, c * prod(fold))
    return x.movedim(-1, 1)


def _unfold(x: torch.Tensor, fold: tuple[int, ...]) -> torch.Tensor:
    """Undo :func:`_fold`."""
    b, c, i, j, k = x.shape
    x = x.reshape(b, c // prod(fold), *fold, i, j, k).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(b, c // prod(fold), i * fold[0], j * fold[1], k * fold[2])
