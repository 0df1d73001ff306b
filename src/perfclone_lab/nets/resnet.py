"""CycleGAN's generator: a few convolutions down, residual blocks, and up again (Zhu et al. 2017, after Johnson et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

LARGE = 256
"""From this side on a generator has nine residual blocks, below it six, as its authors have it."""


class ResNet(nn.Module):
    """Image → image of the same size, with instance normalisation and reflection padding throughout.

    Args:
        size: side of the images in pixels, which says how many residual blocks there are.
        width: channels of the first layer (64 in its authors' code).
    """

    def __init__(self, size: int, width: int = 64):
        super().__init__()
        stack = [nn.ReflectionPad2d(3), *_normalised(nn.Conv2d(3, width, 7))]
        for channels in (width, 2 * width):
            stack += _normalised(nn.Conv2d(channels, 2 * channels, 3, 2, 1))
        stack += [_Residual(4 * width) for _ in range(9 if size >= LARGE else 6)]
        for channels in (4 * width, 2 * width):
            stack += _normalised(nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1))
        self.stack = nn.Sequential(*stack, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, 3, H, W), both in [−1, 1]; H and W are multiples of 4."""
        return self.stack(x)


def _normalised(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.stack = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normalised(nn.Conv2d(channels, channels, 3)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stack(x)
