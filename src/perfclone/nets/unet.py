"""The generator G: pix2pix's U-Net, taking a pose volume in place of an image (Sec. 3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .blocks import norm_layer
from .generators import GENERATORS


@GENERATORS.register("unet")
class UNet(nn.Module):
    """Encoder-decoder with skip connections from each level to its mirror image (Isola et al. 2016).

    A level halves the side with a 4×4 convolution of stride 2 until one pixel is left; widths are width·(1, 2, 4, 8, 8, …).

    Args:
        in_channels: J·N, the confidence maps of N poses.
        out_channels: 3·N, N frames.
        size: side of the images, a power of two from 64 up.
        width: channels of the outermost level (64 in the paper).
        norm: `batch` or `instance` (A10).
        dropout: 0.5 in the decoder's levels of full width below the outer four, as in pix2pix (A10).
    """

    def __init__(
        self, in_channels: int, out_channels: int, size: int, width: int = 64, norm: str = "batch", dropout: bool = False
    ):
        super().__init__()
        depth = int(math.log2(size)) if size > 0 else 0
        if 2**depth != size or size < 64:
            raise ValueError(f"size must be a power of two from 64 up, not {size}")
        widths = [width * min(2**level, 8) for level in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        bias = norm == "instance"  # a BatchNorm that follows makes a bias idle
        for level in range(depth):
            outer, inner = level == 0, level == depth - 1
            before = in_channels if outer else widths[level - 1]
            down = [] if outer else [nn.LeakyReLU(0.2)]
            down.append(nn.Conv2d(before, widths[level], 4, 2, 1, bias=bias or outer))
            if not outer and not inner:
                down.append(norm_layer(norm, widths[level]))
            self.down.append(nn.Sequential(*down))

            after = out_channels if outer else widths[level - 1]
            up = [nn.ReLU(), nn.ConvTranspose2d(widths[level] * (1 if inner else 2), after, 4, 2, 1, bias=bias or outer)]
            up += [nn.Tanh()] if outer else [norm_layer(norm, after)]
            if dropout and 4 <= level < depth - 1:
                up.append(nn.Dropout(0.5))
            self.up.append(nn.Sequential(*up))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, J·N, H, W) confidence maps → (B, 3·N, H, W) frames in [−1, 1]."""
        skips = []
        x = maps
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = self.up[-1](skips.pop())
        for up in reversed(self.up[:-1]):
            x = up(torch.cat((skips.pop(), x), 1))
        return x
