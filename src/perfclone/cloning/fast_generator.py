"""G for inference alone: the same frames in less time (Sec. 5.3, "the quick feed-forward time")."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..device import find_precision
from ..errors import InputError
from ..nets import UNet
from ..training import Actor
from ..training.methods import PAPER
from ..training.networks import pose_volume


class FastGenerator:
    """An actor's G with nothing in it that only a training needs.

    BatchNorm, which at test time is a fixed scale and shift, is multiplied into the convolution before it. Transposed convolutions
    become ordinary ones (`Upsampling`), which libraries for processors compute several times faster. Weights and activations are
    bf16 where the device multiplies it faster than fp32 (`device.find_precision`); poses, their maps and the final frames are not.

    In fp32 a pixel differs from `Actor.generate` by at most one of 255 levels, from the order of sums. In bf16 it is a few at most;
    `error` measures it for any actor.

    For what only generates it stands in for an actor (`cloning.performance_frames`).

    Args:
        actor: one that is generated from poses. Its own network stays as it is.
        precision: `auto`, `fp32` or `bf16`.

    Attributes:
        settings: the actor's.
        device: the network's.
        precision: `fp32` or `bf16`.

    Raises:
        InputError: the actor is generated from pictures, or normalises each window by itself.
    """

    def __init__(self, actor: Actor, precision: str = "auto") -> None:
        if not suits(actor):
            raise InputError("this actor belongs to a comparison and can't run online; train one with perfclone train")
        self._actor = actor
        self.device = next(actor.generator.parameters()).device
        self.precision = find_precision(precision, self.device)
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        self._net = inference_form(actor.generator).to(dtype=dtype, memory_format=torch.channels_last)
        self._dtype = dtype
        self.settings = actor.settings

    @torch.inference_mode()
    def generate(self, joints: np.ndarray) -> np.ndarray:
        """(B, N, 18, 2) poses in aligned pixels, NaN where missing → (B, N, size, size, 3) uint8 on white; see `Actor.generate`."""
        settings = self._actor.settings
        poses = torch.from_numpy(np.ascontiguousarray(joints, np.float32)).to(self.device)
        maps = pose_volume(poses, settings).to(self._dtype, memory_format=torch.channels_last)
        levels = ((self._net(maps).float() + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)
        return levels.unflatten(1, (settings.window, 3)).permute(0, 1, 3, 4, 2).cpu().numpy()

    def error(self, joints: np.ndarray) -> dict[str, float]:
        """How far its frames are from `Actor.generate`'s: `mean` and `largest` difference in levels of 0…255, and `rmse`."""
        difference = self.generate(joints).astype(np.float32) - self._actor.generate(joints)
        absolute = np.abs(difference)
        rmse = float(np.sqrt(np.mean(difference**2)))
        return {"mean": float(absolute.mean()), "largest": float(absolute.max()), "rmse": rmse}


def suits(actor: Actor) -> bool:
    """Whether an actor's G has a fast form: it sees poses, and each of its normalisations is fixed at test time, with no noise."""
    s = actor.settings
    paper = actor.method == PAPER and isinstance(actor.generator, UNet)  # another method may draw a pose in another way
    return paper and s.norm == "batch" and s.test_statistics == "running" and not s.test_dropout


class Upsampling(nn.Module):
    """A transposed convolution of side 4 and stride 2, as a convolution of side 2 whose channels are then spread over space.

    Each output pixel depends on 2×2 input pixels, by one of four sets of weights that repeat over every 2×2 block. The four are
    channels of one convolution here. Sums and products are the same, and as many.
    """

    def __init__(self, transposed: nn.ConvTranspose2d) -> None:
        super().__init__()
        if (transposed.kernel_size, transposed.stride, transposed.padding) != ((4, 4), (2, 2), (1, 1)):
            raise ValueError("only a transposed convolution of side 4, stride 2 and padding 1 has this form")
        weight = transposed.weight.detach()  # (in, out, 4, 4)
        taps = [[2, 0], [3, 1]]  # of the first and the second row, or column, of a block: what meets the two inputs
        four = [weight[:, :, rows][..., columns] for rows in taps for columns in taps]
        stacked = torch.stack(four, 2)  # (in, out, 4, 2, 2)
        self.weight = nn.Parameter(stacked.permute(1, 2, 0, 3, 4).flatten(0, 1), requires_grad=False)
        bias = torch.zeros(transposed.out_channels) if transposed.bias is None else transposed.bias.detach()
        self.bias = nn.Parameter(bias.to(weight).repeat_interleave(4), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) → (B, out, 2·H, 2·W)."""
        return F.pixel_shuffle(F.conv2d(x, self.weight, self.bias, padding=1), 2)[..., 1:-1, 1:-1]


def inference_form(net: UNet) -> UNet:
    """A copy of G whose running BatchNorm is folded into its convolutions and whose transposed convolutions are `Upsampling`."""
    net = copy.deepcopy(net).eval().requires_grad_(False)
    for level in [*net.down, *net.up]:
        for i in range(len(level)):
            if i + 1 < len(level) and isinstance(level[i + 1], nn.BatchNorm2d):
                level[i] = fuse_conv_bn_eval(level[i], level[i + 1], transpose=isinstance(level[i], nn.ConvTranspose2d))
                level[i + 1] = nn.Identity()
            if isinstance(level[i], nn.ConvTranspose2d):
                level[i] = Upsampling(level[i])
    return net
