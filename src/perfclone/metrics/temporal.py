"""How well a video moves: the error of warping each frame to the next along a flow that is known."""

from __future__ import annotations

import numpy as np
import torch

from ..nets.conditioning import limb_falloff
from ..nets.warping import warp


def warping_error(frames: np.ndarray, flow: np.ndarray, joints: np.ndarray) -> float:
    """Mean `|W(x_i, f_i) − x_{i+1}|`, weighted by α(y_{i+1}): Eq. (4) as a measure, in 8-bit units.

    A frozen video scores well where the driver hardly moves, so compare only videos of one driver, and look at them.

    Args:
        frames: (T, H, W, 3) uint8.
        flow: (T−1, H, W, 2) float pixels of these frames, from frame i+1 back to frame i.
        joints: (T, 18, 2) float, the driving poses in pixels of the aligned frame.

    Returns:
        `Σ α |W(x_i, f_i) − x_{i+1}| / Σ α` over pixels, channels and pairs; 0..255. NaN if no pose has a limb.
    """
    error = weight = 0.0
    for i in range(len(frames) - 1):
        before, after = (torch.from_numpy(frames[k]).permute(2, 0, 1)[None].float() for k in (i, i + 1))
        field = torch.from_numpy(np.asarray(flow[i], np.float32)).permute(2, 0, 1)[None]
        alpha = limb_falloff(torch.from_numpy(joints[i + 1]).float()[None], frames.shape[1])
        error += float((alpha * (warp(before, field) - after).abs()).sum())
        weight += 3 * float(alpha.sum())
    return error / weight if weight else float("nan")
