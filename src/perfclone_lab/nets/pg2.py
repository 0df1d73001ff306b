"""The three networks of PG² (Ma et al. 2017): the coarse generator, the one that refines, and the discriminator.

Both generators take 3×3 convolutions with ReLU and no normalisation, and end without an activation. Where the paper leaves the number of
channels open, it is that of the code that its authors have released.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.nets.blocks import initialise
from perfclone.skeleton import J

INNERMOST = 8
"""Side in pixels of the coarse generator's innermost feature maps."""
CODE = 64
"""Numbers that its fully connected layer leaves of them."""
CRITIC_STD = 0.02
"""Deviation of the discriminator's initial weights; those of the generators are Xavier's."""


def blocks(size: int) -> int:
    """N of Sec. 3.1 there, how many blocks the coarse generator has each way, such as 6 for 256 pixels."""
    return int(math.log2(size)) - 2


class CoarseGenerator(nn.Module):
    """G1: conditioning image and target pose → a first, blurred answer. A U-Net of residual blocks about a fully connected layer.

    Args:
        size: side of the images in pixels, a power of two.
        width: channels of the first block, of which block k has k times as many (its authors: 128).
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        count = blocks(size)
        widths = [width * (k + 1) for k in range(count)]
        self.first = nn.Conv2d(3 + J, width, 3, 1, 1)
        self.encode = nn.ModuleList(_Residual(channels) for channels in widths)
        self.down = nn.ModuleList(nn.Conv2d(outer, inner, 3, 2, 1) for outer, inner in zip(widths, widths[1:]))
        self.squeeze = nn.Linear(widths[-1] * INNERMOST**2, CODE)
        self.unsqueeze = nn.Linear(CODE, width * INNERMOST**2)
        before = [2 * channels for channels in widths[:-1]] + [width + widths[-1]]  # what a decoder's block gets, with the skip
        self.decode = nn.ModuleList(_Residual(channels) for channels in before)
        self.up = nn.ModuleList(nn.Conv2d(inner, outer, 1) for inner, outer in zip(before[1:], widths))
        self.last = nn.Conv2d(before[0], 3, 3, 1, 1)
        _xavier(self)

    def forward(self, picture: Tensor, maps: Tensor) -> Tensor:
        """(B, 3, H, W) and (B, 18, H, W) → (B, 3, H, W); pictures on the scale of [−1, 1], which the answer may leave."""
        skips = []
        x = F.relu(self.first(torch.cat((picture, maps), 1)))
        for level, block in enumerate(self.encode):
            x = block(x if level == 0 else F.relu(self.down[level - 1](x)))
            skips.append(x)
        x = self.unsqueeze(self.squeeze(x.flatten(1))).unflatten(1, (-1, INNERMOST, INNERMOST))
        for level in reversed(range(len(self.decode))):
            x = self.decode[level](torch.cat((x, skips[level]), 1))
            if level > 0:
                x = F.relu(self.up[level - 1](F.interpolate(x, scale_factor=2)))
        return self.last(x)


class Refiner(nn.Module):
    """G2: conditioning image and coarse answer → the difference map that is added to the latter. Nothing in it is fully connected.

    Args:
        size: side of the images in pixels, a power of two from 64 up.
        width: channels of the first block; those of the encoder's block k are k times as many, the decoder's all have these.
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        widths = [width * (k + 1) for k in range(blocks(size) - 2)]
        self.first = nn.Conv2d(6, width, 3, 1, 1)
        self.encode = nn.ModuleList(_pair(before, after) for before, after in zip([width, *widths], widths))
        self.down = nn.ModuleList(nn.Conv2d(channels, channels, 3, 2, 1) for channels in widths[:-1])
        self.decode = nn.ModuleList(_pair(width + channels, width) for channels in widths[:-1])
        self.innermost = _pair(2 * widths[-1], width)
        self.last = nn.Conv2d(width, 3, 3, 1, 1)
        _xavier(self)

    def forward(self, picture: Tensor, coarse: Tensor) -> Tensor:
        """(B, 3, H, W) twice → (B, 3, H, W), a difference of pictures in [−1, 1]."""
        skips = []
        x = F.relu(self.first(torch.cat((picture, coarse), 1)))
        for level, block in enumerate(self.encode):
            x = block(x if level == 0 else F.relu(self.down[level - 1](x)))
            skips.append(x)
        x = self.innermost(torch.cat((x, skips[-1]), 1))
        for level in reversed(range(len(self.decode))):
            x = self.decode[level](torch.cat((F.interpolate(x, scale_factor=2), skips[level]), 1))
        return self.last(x)


class PairCritic(nn.Module):
    """D: whether an image shows the person of the conditioning image, or was generated. DCGAN's discriminator (Radford et al. 2015).

    Args:
        size: side of the images in pixels, a multiple of 16.
        width: channels of the first layer, doubled by each of the next three (its authors: 64).
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        stack, before = [], 6
        for level in range(4):
            after = width * 2**level
            norm = [nn.BatchNorm2d(after)] if level else []
            stack += [nn.Conv2d(before, after, 5, 2, 2, bias=not level), *norm, nn.LeakyReLU(0.2)]
            before = after
        self.stack = nn.Sequential(*stack)
        self.score = nn.Linear(before * (size // 16) ** 2, 1)
        initialise(self.stack, CRITIC_STD)
        nn.init.normal_(self.score.weight, 0.0, CRITIC_STD)
        nn.init.zeros_(self.score.bias)

    def forward(self, picture: Tensor, image: Tensor) -> Tensor:
        """(B, 3, H, W) twice → (B, 1) logits."""
        return self.score(self.stack(torch.cat((picture, image), 1)).flatten(1))


class PersonNetworks(nn.Module):
    """All three, in fp32 outside even where convolutions are not.

    Args:
        size: side of the images in pixels, a power of two from 64 up.
        width: channels of each one's first layer.
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        self.coarse, self.refiner, self.critic = CoarseGenerator(size, width), Refiner(size, width), PairCritic(size, width)

    def forward(self, picture: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Conditioning image (B, 3, H, W) and maps (B, 18, H, W) → the coarse and the refined answer, (B, 3, H, W) each."""
        coarse = self.coarse(picture, maps).float()
        return coarse, coarse + self.refiner(picture, coarse).float()


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.stack = _pair(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stack(x)


def _pair(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, 1, 1), nn.ReLU(), nn.Conv2d(after, after, 3, 1, 1), nn.ReLU())


def _xavier(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
