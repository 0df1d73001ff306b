"""Errors between frames, in 8-bit units (0-255), as Table 1 reports them: its "MSE" reads like a root mean square (A12)."""

from __future__ import annotations

import numpy as np


def _squared_error(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if generated.shape != truth.shape:
        raise ValueError(f"frames differ in shape: {generated.shape} and {truth.shape}")
    return (generated.astype(np.float32) - truth.astype(np.float32)) ** 2


def rmse(generated: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared error over frames, pixels and channels: two (T, H, W, 3) uint8 → 0..255. Its square is the MSE."""
    return float(np.sqrt(_squared_error(generated, truth).mean(dtype=np.float64)))


def foreground_rmse(generated: np.ndarray, truth: np.ndarray, generated_mask: np.ndarray, true_mask: np.ndarray) -> float:
    """`rmse` over the union of the true and the generated mask, (T, H, W) bool: a clone beside the actor is counted twice,
    where the true mask alone would let it off. NaN if both masks are empty."""
    inside = generated_mask | true_mask
    if not inside.any():
        return float("nan")
    return float(np.sqrt(_squared_error(generated, truth)[inside].mean(dtype=np.float64)))


def mask_iou(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Intersection over union of the masks of each frame, two (T, H, W) bool → (T,) float64 in 0..1. NaN where both are empty."""
    if found.shape != true.shape:
        raise ValueError(f"masks differ in shape: {found.shape} and {true.shape}")
    both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))
    return np.divide(both, either, out=np.full(len(found), np.nan), where=either > 0)


def ssim(generated: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004, scikit-image's, windows of 7×7), the mean over frames: two (T, H, W, 3) uint8 → −1..1."""
    from skimage.metrics import structural_similarity

    if generated.shape != truth.shape:
        raise ValueError(f"frames differ in shape: {generated.shape} and {truth.shape}")
    return float(np.mean([structural_similarity(a, b, channel_axis=-1) for a, b in zip(generated, truth, strict=True)]))
