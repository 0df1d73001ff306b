"""Optical flow between successive aligned cut-outs, and its storage (Sec. 3.2, Eq. (4); A8)."""

from __future__ import annotations

import numpy as np

KITTI_STEPS = 64.0
"""Steps a pixel in KITTI's 16-bit flow format."""

KITTI_ZERO = 2.0**15

REACH_PX = 9
"""Flow further than this from the performer, in either frame, is zero: there is nothing but white to move."""


def backward_flow(before: np.ndarray, after: np.ndarray, alpha_before: np.ndarray, alpha_after: np.ndarray) -> np.ndarray:
    """Where the content of `after` was in `before`: content at p of `after` was at p + flow(p).

    DIS flow (Kroeger et al. 2016), OpenCV's medium preset.

    Args:
        before, after: (H, W, 3) uint8 cut-outs on white.
        alpha_before, alpha_after: (H, W) uint8.

    Returns:
        (H, W, 2) float32 in pixels, zero away from the performer.
    """
    import cv2

    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = dis.calc(cv2.cvtColor(after, cv2.COLOR_RGB2GRAY), cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), None)
    near = cv2.dilate(np.maximum(alpha_before, alpha_after), np.ones((2 * REACH_PX + 1,) * 2, np.uint8))
    flow[near == 0] = 0
    return flow


def encode(flow: np.ndarray) -> bytes:
    """(H, W, 2) float32 at any resolution → a 16-bit PNG as in the KITTI 2015 flow benchmark, at half the resolution."""
    import cv2

    half = cv2.resize(flow, (flow.shape[1] // 2, flow.shape[0] // 2), interpolation=cv2.INTER_AREA) / 2
    steps = np.clip(np.round(half * KITTI_STEPS + KITTI_ZERO), 0, 65535).astype(np.uint16)
    image = np.dstack([np.ones_like(steps[..., 0]), steps[..., 1], steps[..., 0]])  # OpenCV writes blue first
    return cv2.imencode(".png", image)[1].tobytes()


def decode(png: bytes, size: int) -> np.ndarray:
    """The (size, size, 2) float16 flow in pixels of `size` from what `encode` made."""
    import cv2

    steps = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    flow = (steps[..., [2, 1]].astype(np.float32) - KITTI_ZERO) / KITTI_STEPS
    return (resize_square(flow, size) * (size / flow.shape[0])).astype(np.float16)


def resize_square(image: np.ndarray, size: int) -> np.ndarray:
    """(h, h[, C]) → (size, size[, C]): averaged over areas when shrinking, bilinear when growing."""
    import cv2

    if image.shape[0] == size:
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR)
