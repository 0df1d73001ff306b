"""How well a video moves: the error of warping each frame to the next along a flow that is known, and how much frames flicker.

Frames are generated in windows of N that lie side by side (A15), so a video can change more from window to window than it
does within one: `within_and_between` tells the two apart.
"""

from __future__ import annotations

import numpy as np
import torch

from ..fast import fast
from ..nets.conditioning import limb_falloff
from ..nets.warping import warp

_PAIRS = 8
"""Pairs of frames that are warped at a time."""


def warping_error(frames: np.ndarray, flow: np.ndarray, joints: np.ndarray) -> float:
    """Mean `|W(x_i, f_i) − x_{i+1}|`, weighted by α(y_{i+1}): Eq. (4) as a measure, in 8-bit units.

    A frozen video scores well where the driver hardly moves, and a blurred one better than the truth. So compare only videos of
    one driver, beside a measure of sharpness such as `spectrum_distance`, and look at them.

    Args:
        frames: (T, H, W, 3) uint8.
        flow: (T−1, H, W, 2) float pixels of these frames, from frame i+1 back to frame i.
        joints: (T, 18, 2) float, the driving poses in pixels of the aligned frame.

    Returns:
        `Σ α |W(x_i, f_i) − x_{i+1}| / Σ α` over pixels, channels and pairs; 0..255. NaN if no pose has a limb.
    """
    error, weight = _warping_sums(frames, flow, joints).sum(0)
    return float(error / weight) if weight else float("nan")


def pair_warping_errors(frames: np.ndarray, flow: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """`warping_error` of each pair of successive frames alone, from the same arguments.

    Returns:
        (T−1,) float64, 0..255; NaN where the pair's second pose has no limb.
    """
    error, weight = _warping_sums(frames, flow, joints).T
    return np.divide(error, weight, out=np.full(len(error), np.nan), where=weight > 0)


def _warping_sums(frames: np.ndarray, flow: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(T−1, 2) float64: `Σ α |W(x_i, f_i) − x_{i+1}|` and `Σ α` of each pair over pixels and channels."""
    sums = np.empty((max(len(frames) - 1, 0), 2))
    for i in range(0, len(sums), _PAIRS):
        pairs, seconds = slice(i, min(i + _PAIRS, len(sums))), slice(i + 1, i + 1 + _PAIRS)
        before, after, field = (_planes(values) for values in (frames[pairs], frames[seconds], flow[pairs]))
        alpha = fast(limb_falloff)(torch.from_numpy(joints[seconds]).float(), frames.shape[1])
        error = alpha * (warp(before, field) - after).abs()
        sums[pairs] = torch.stack([error.sum((1, 2, 3)), 3 * alpha.sum((1, 2, 3))], 1)
    return sums


def _planes(values: np.ndarray) -> torch.Tensor:
    """(n, H, W, C) of any type → (n, C, H, W) float32."""
    return torch.from_numpy(values.astype(np.float32)).permute(0, 3, 1, 2)


def flicker(frames: np.ndarray) -> np.ndarray:
    """Mean `|x_{i+1} − x_i|` of each pair of successive frames over pixels and channels, motion included.

    Args:
        frames: (T, H, W, 3) uint8.

    Returns:
        (T−1,) float64 in 8-bit units, 0..255.
    """
    return np.array([np.abs(after.astype(np.int16) - before).mean() for before, after in zip(frames, frames[1:])], np.float64)


def within_and_between(pairs: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Split what was measured of pairs of successive frames by whether a pair's frames come from one window of N or from two.

    Motion is the same in both halves on average, so where `between` is larger than `within`, the windows show.

    Args:
        pairs: (T−1,) float of a whole generated sequence, such as `flicker` or `pair_warping_errors`.
        window: N, frames that are generated together, side by side from the first frame on (A15).

    Returns:
        Two (T−1,) float64, `pairs` with NaN where the pair is of the other kind.
    """
    between = np.arange(1, len(pairs) + 1) % window == 0
    return np.where(between, np.nan, pairs), np.where(between, pairs, np.nan)
