"""The Markovian discriminators D_p and D_s: pix2pix's PatchGAN, extended to space-time volumes (Sec. 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import norm_layer


class PatchGAN(nn.Module):
    """Scores overlapping patches as real or generated (Isola et al. 2016, Li and Wand 2016).

    Args:
        in_channels: N·(3 + J) for D_p, which sees the pose beside the frames, and 3·N for D_s, which does not.
        width: channels of the first layer (64 in the paper).
        layers: convolutions of stride 2; the receptive field is 16, 34, 70 pixels for 1, 2, 3 (the paper: 3).
        norm: `batch` or `instance`.
    """

    def __init__(self, in_channels: int, width: int = 64, layers: int = 3, norm: str = "batch"):
        super().__init__()
        bias = norm == "instance"
        stack = [nn.Conv2d(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        before = width
        for level in range(1, layers + 1):
            after = width * min(2**level, 8)
            stride = 2 if level < layers else 1
            stack += [nn.Conv2d(before, after, 4, stride, 1, bias=bias), norm_layer(norm, after), nn.LeakyReLU(0.2)]
            before = after
        stack.append(nn.Conv2d(before, 1, 4, 1, 1))
        self.stack = nn.Sequential(*stack)

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the square that one logit sees, which is 16, 34, 70 for 1, 2, 3 layers."""
        side = 1
        for module in reversed(self.stack):
            if isinstance(module, nn.Conv2d):
                side = (side - 1) * module.stride[0] + module.kernel_size[0]
        return side

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, 1, h, w) logits, one a patch; log D of Eq. (2) and (5) is their log-sigmoid."""
        return self.stack(x)
