"""φ of Eq. (1): the features of VGG-19's relu1_1.

The weights are the first layer of the original VGG-19 (Simonyan and Zisserman 2014), which its authors publish under the Creative Commons
Attribution licence 4.0 (`vgg19_conv1_1.npz` says so too). It expects RGB in 0..255 minus the mean colour. Convolution and ReLU are
homogeneous, so this is folded here into a form that takes images in [−1, 1] and answers on that scale (A17).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FILE = "vgg19_conv1_1.npz"
SHA256 = "3e90ad5b037538e0545313c47b6a372131b341a2b63f8c0ba0c3391412fd0a3c"
"""Of the file."""


@dataclass(frozen=True, eq=False)
class VGGLayer:
    """A first layer for images in [−1, 1].

    Attributes:
        weight: (64, 3, 3, 3) float32, RGB.
        bias: (64,) float32.
        mean: (3,) float32, the colour in [−1, 1] that is subtracted before the convolution pads with zeros.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor


@cache
def load_vgg() -> VGGLayer:
    """conv1_1 of VGG-19, from the package.

    Raises:
        RuntimeError: the package's file is damaged.
    """
    file = files("perfclone.nets") / FILE
    with file.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != SHA256:
            raise RuntimeError(f"{FILE} is damaged: install perfclone again")
        opened.seek(0)
        with np.load(opened, allow_pickle=False) as arrays:
            weight, bias, mean = (torch.from_numpy(arrays[name].astype(np.float32)) for name in ("weight", "bias", "mean_rgb_255"))
    return VGGLayer(weight, bias / 127.5, mean / 127.5 - 1)


class VGGFeatures(nn.Module):
    """φ(x): relu1_1 of VGG-19, at the resolution of the input (Sec. 3.2). Frozen.

    Args:
        input_range: scale of the input that the features answer to: `unit` for [−1, 1], `byte` for the original's 0..255 (A17).
    """

    def __init__(self, input_range: str = "unit"):
        super().__init__()
        if input_range not in ("unit", "byte"):
            raise ValueError(f"input_range must be 'unit' or 'byte', not {input_range!r}")
        layer = load_vgg()
        scale = 127.5 if input_range == "byte" else 1.0  # convolution and ReLU are homogeneous
        for name, value in (("weight", layer.weight * scale), ("bias", layer.bias * scale), ("mean", layer.mean.clone())):
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3·N, H, W) in [−1, 1] → (B·N, 64, H, W), non-negative. Frames of a window are taken one by one."""
        x = x.reshape(-1, 3, *x.shape[-2:]) - self.mean[:, None, None]
        with torch.autocast(x.device.type, enabled=False):  # in bf16 one step between two greys is as large as its error
            return F.relu_(F.conv2d(x, self.weight, self.bias, padding=1))  # in place: these are the largest tensors of all
