"""Masks of the performer and the clean plate behind (in place of the paper's interactive segmentation, Sec. 5)."""

from __future__ import annotations

import numpy as np


class Refiner:
    """placeholder"""

    def __init__(self, plate: np.ndarray) -> None:
        self.plate = plate

    def refine(self, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return mask


def encode_mask(mask: np.ndarray) -> bytes:
    """(H, W) uint8, foreground where at least 128 → a 1-bit PNG."""
    import cv2

    mask = np.where(mask >= 128, 255, 0).astype(np.uint8)
    ok, png = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9])
    return png.tobytes()


def decode_mask(png: bytes) -> np.ndarray:
    """(H, W) uint8, 0 or 255, from a 1-bit PNG."""
    import cv2

    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)


def clean_plate(frames: list[np.ndarray], masks: list[np.ndarray]) -> np.ndarray:
    """The background without the performer: at each pixel the median in time of the frames in which it is not covered.

    What is always covered is painted in from around it.

    Args:
        frames: of (H, W, 3) uint8, the camera at rest.
        masks: of (H, W) uint8, 0 where background.
    """
    import cv2

    height, width = frames[0].shape[:2]
    reach = 2 * max(2, round(0.012 * max(height, width))) + 1  # shadows at the feet, motion blur, soft edges
    covered = np.stack([cv2.dilate(mask, np.ones((reach, reach), np.uint8)) > 0 for mask in masks])
    plate = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, 64):
        rows = slice(top, top + 64)
        values = np.stack([frame[rows] for frame in frames]).astype(np.int16)
        values[covered[:, rows]] = 256  # sorts behind every colour
        values.sort(axis=0)
        middle = np.maximum((~covered[:, rows]).sum(0) - 1, 0) // 2
        plate[rows] = np.minimum(np.take_along_axis(values, middle[None, ..., None], 0)[0], 255)
    hidden = covered.all(0)
    return cv2.inpaint(plate, hidden.astype(np.uint8), 3, cv2.INPAINT_TELEA) if hidden.any() else plate


def cut_out(frame: np.ndarray, alpha: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 frame and (H, W) uint8 alpha → (H, W, 4) uint8 RGBA."""
    return np.dstack([frame, alpha])
