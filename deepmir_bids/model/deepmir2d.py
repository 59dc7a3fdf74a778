"""The network of the DEEPMIR authors (Rashid et al., Sci Rep 2021;11:14124), layer by layer.

A 2D U-Net over axial slices. Its modules are registered in the order in which their weights lie in
a Keras file, so that an import can go through both side by side.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from deepmir_bids.model.lesion_network import LesionNetwork

#: Resolution levels, each with twice the channels of the one before.
LEVELS = 6
#: What Keras adds to a variance before dividing by its root; PyTorch's own default is 1e-5.
EPSILON = 1e-3
#: The standard deviation of a unit normal distribution cut off at ±2.
TRUNCATED_DEVIATION = 0.8796
#: Logit of the background before anything was learnt: lesions take a thousandth of the voxels.
#: From 0, much of a short training goes into learning just that (Lin et al., ICCV 2017).
BACKGROUND = 7.0
#: The float32 before 0.5.
BELOW_HALF = 0.5 - 2**-25


class ConvBlock(nn.Sequential):
    """Twice: a 3×3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            _norm(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            _norm(outputs),
            nn.ReLU(inplace=True),
        )


class UpBlock(nn.Module):
    """Up one level, joined with what came down there, normalised, and convolved."""

    def __init__(self, coarse: int, fine: int):
        super().__init__()
        self.up = nn.ConvTranspose2d(coarse, fine, 2, stride=2)
        self.norm = _norm(2 * fine)
        self.block = ConvBlock(2 * fine, fine)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = torch.cat([skip, self.up(x)], dim=1)
        return self.block(F.relu_(self.norm(x)))


class DeepMIR2D(LesionNetwork):
    """The authors' U-Net: six levels, 31,110,563 parameters with three images and three outputs.

    Parameters
    ----------
    inputs
        Images that go in; the SWI is the first.
    outputs
        1 for a single class (sigmoid), else the background and the lesion classes (softmax).
    width
        Channels at full resolution.

    """

    spatial_dims = 2
    memory_format = torch.channels_last
    exact = True  # weights that come from Keras give what they give there

    def __init__(self, inputs: int = 3, outputs: int = 3, width: int = 32):
        super().__init__()
        features = [width * 2**level for level in range(LEVELS)]
        self.stride = (2 ** (LEVELS - 1),) * 2
        self.down = nn.ModuleList(ConvBlock(i, o) for i, o in pairwise([inputs, *features]))
        self.up = nn.ModuleList(UpBlock(c, f) for f, c in reversed(list(pairwise(features))))
        self.head = nn.Conv2d(width, outputs, 1)
        self.apply(_initialise)
        with torch.no_grad():
            self.head.bias[0] = BACKGROUND if outputs > 1 else -BACKGROUND  # type: ignore[index]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, output, H, W) of ``x`` (batch, input, H, W), of any size."""
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self.stride[1], 0, -height % self.stride[0]))
        skips = []
        for down in self.down[:-1]:
            skips.append(down(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.down[-1](x)
        for up in self.up:
            x = up(x, skips.pop())
        return self.head(x)[:, :, :height, :width]

    def activate(self, logits: torch.Tensor) -> torch.Tensor:
        """Probabilities of every output: a sigmoid, or a softmax of what a ReLU leaves."""
        if logits.shape[1] == 1:
            return torch.sigmoid(logits)
        return torch.softmax(F.relu(logits), dim=1)

    def lesions(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Probabilities of the lesion classes alone, which reach 0.5 where the argmax is theirs.

        Of a softmax, each class is taken against its strongest rival, ``p / (p + rival)``. The
        ReLU leaves exact ties, and there the authors' argmax takes the first: the background.
        """
        if probabilities.shape[1] == 1:
            return probabilities
        background = probabilities[:, 0]
        lesions = []
        for index in range(1, probabilities.shape[1]):
            lesion = probabilities[:, index]
            others = probabilities.clone()
            others[:, index] = 0
            against = lesion / (lesion + others.amax(dim=1))
            lesions.append(
                torch.where(lesion > background, against, against.clamp(max=BELOW_HALF))
            )
        return torch.stack(lesions, dim=1)


def _norm(channels: int) -> nn.BatchNorm2d:
    # Keras' momentum is the share of the old, PyTorch's that of the new: 0.99 there is 0.01 here.
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)


def _initialise(module: nn.Module) -> None:
    """Start as Keras does: He-normal 3×3 convolutions, Glorot-uniform others, biases of zero.

    The head's bias alone starts elsewhere (`BACKGROUND`).
    """
    if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return
    if module.kernel_size == (3, 3):
        deviation = (2 / (9 * module.in_channels)) ** 0.5 / TRUNCATED_DEVIATION
        nn.init.trunc_normal_(module.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    else:
        nn.init.xavier_uniform_(module.weight)
    nn.init.zeros_(module.bias)  # type: ignore[arg-type]
