"""W(x, f) of Eq. (4): bilinear backward warping by an optical flow field."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample `image` at p + flow(p) for every pixel p, with bilinear interpolation (Sec. 3.2).

    With the backward flow from frame i+1 to frame i this carries frame i to frame i+1.

    Args:
        image: (B, C, H, W) float.
        flow: (B, 2, H, W) float, displacements (x, y) in pixels of this image.

    Returns:
        (B, C, H, W) float; where p + flow(p) leaves the image, its border's value.
    """
    height, width = image.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device) + 0.5 + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + 0.5 + flow[:, 1]
    grid = torch.stack((2 * x / width - 1, 2 * y / height - 1), -1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
