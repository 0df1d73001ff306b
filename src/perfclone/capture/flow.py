"""Optical flow between successive aligned cut-outs, and its storage (Sec. 3.2, Eq. (4); A8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import InputError

KITTI_STEPS = 64.0
"""Steps a pixel in KITTI's 16-bit flow format."""

KITTI_ZERO = 2.0**15

REACH_PX = 9
"""Flow further than this from the performer, in either frame, is zero, since there is nothing but white to move."""


Estimator = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(first, second), (H, W, 3) uint8 each → (H, W, 2) float32. Content at p of `first` is at p + flow(p) in `second`."""


def backward_flow(
    before: np.ndarray, after: np.ndarray, alpha_before: np.ndarray, alpha_after: np.ndarray, estimate: Estimator | None = None
) -> np.ndarray:
    """Where the content of `after` was in `before`: content at p of `after` was at p + flow(p).

    Args:
        before, after: (H, W, 3) uint8 cut-outs on white.
        alpha_before, alpha_after: (H, W) uint8.
        estimate: see `estimator`; DIS by default.

    Returns:
        (H, W, 2) float32 in pixels, zero away from the performer.
    """
    import cv2

    flow = (estimate or dis())(after, before)
    near = cv2.dilate(np.maximum(alpha_before, alpha_after), np.ones((2 * REACH_PX + 1,) * 2, np.uint8))
    flow[near == 0] = 0
    return flow


def estimator(name: str) -> Estimator:
    """The estimator of that name, `dis` or `raft`. InputError where RAFT's weights can't be had."""
    return {"dis": dis, "raft": raft}[name]()


def dis() -> Estimator:
    """DIS flow (Kroeger et al. 2016), OpenCV's medium preset: for the CPU."""
    import cv2

    algorithm = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda first, second: algorithm.calc(*(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)), None)


def raft() -> Estimator:
    """RAFT (Teed and Deng 2020), torchvision's large model with its published weights, downloaded once and checked by hash."""
    import torch

    from ..device import find_device

    models = _torchvision_models()
    weights = models.Raft_Large_Weights.DEFAULT
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"RAFT's weights can't be had ({error}); put {weights.url} among torch hub's checkpoints, or use dis"
        ) from error
    net = models.raft_large()
    net.load_state_dict(state)
    device = find_device()
    net = net.to(device).eval()

    @torch.no_grad()
    def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        images = (torch.from_numpy(image).to(device).permute(2, 0, 1)[None] / 127.5 - 1 for image in (first, second))
        return net(*images)[-1][0].permute(1, 2, 0).cpu().numpy()

    return estimate


def _torchvision_models():
    """torchvision's optical-flow models, also where its build does not fit torch's.

    The package index has torchvision only as built for CUDA. Beside a CPU build of torch its own operators are missing, and its
    import stops at the first one that it describes. RAFT uses none of them: declaring those two is enough.
    """
    from torch import library

    try:
        from torchvision.models import optical_flow
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in ("nms", "qnms"):
            library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision.models import optical_flow
    return optical_flow


def encode(flow: np.ndarray) -> bytes:
    """(H, W, 2) float32 at any resolution → a 16-bit PNG as in the KITTI 2015 flow benchmark, at half the resolution."""
    import cv2

    half = cv2.resize(flow, (flow.shape[1] // 2, flow.shape[0] // 2), interpolation=cv2.INTER_AREA) / 2
    return kitti_png(half, np.ones(half.shape[:2], bool))


def kitti_png(flow: np.ndarray, valid: np.ndarray) -> bytes:
    """(H, W, 2) float32 pixels and (H, W) bool → a PNG of 16 bits as in the KITTI 2015 flow benchmark (Menze and Geiger 2015)."""
    import cv2

    steps = np.clip(np.round(flow * KITTI_STEPS + KITTI_ZERO), 0, 65535).astype(np.uint16)
    image = np.dstack([valid.astype(np.uint16), steps[..., 1], steps[..., 0]])  # OpenCV writes blue first
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
