"""The pictures of a report: moments with the skeleton over them, the limbs in question standing out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..skeleton import FRAME, LIMBS
from ..viz import contact_sheet, draw_pose

THUMBNAIL = 240
"""Side of a panel in pixels."""

MARGIN = 20
"""Pixels of the aligned frame around the outermost joints, for hair, hands and feet."""

FINE, LACKING, CASING = (130, 200, 235), (240, 100, 10), (255, 255, 255)
"""RGB of a limb that is covered; of one that is not, which is drawn wider; and of the line around that."""


def beside(panels: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> bytes:
    """Frames side by side with their poses, cut to the performers at one scale.

    Args:
        panels: of (256, 256, 3) uint8 RGB frame, (18, 2) joints in its pixels, and (12,) bool, which limbs of the descriptor to mark.

    Returns:
        The bytes of a JPEG file.
    """
    boxes = [(np.nanmin(joints, 0), np.nanmax(joints, 0)) for _, joints, _ in panels]
    side = min(FRAME, round(2 * MARGIN + max((high - low).max() for low, high in boxes)))
    tiles = []
    for (frame, joints, marks), (low, high) in zip(panels, boxes):
        left, top = np.clip(np.round((low + high - side) / 2), 0, FRAME - side).astype(int)
        cut = np.ascontiguousarray(frame[top : top + side, left : left + side])
        tiles.append(_marked(cut, (joints - (left, top)) * (FRAME / side), marks))
    return cv2.imencode(".jpg", contact_sheet(tiles)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()


def _marked(frame: np.ndarray, joints: np.ndarray, marks: np.ndarray) -> np.ndarray:
    picture = cv2.resize(frame, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_CUBIC)
    marked = np.flatnonzero(marks).tolist()
    picture = draw_pose(joints, THUMBNAIL, picture, dict.fromkeys(set(range(len(LIMBS))) - set(marked), FINE), 2)
    for colour, width in ((CASING, 9), (LACKING, 5)):
        picture = draw_pose(joints, THUMBNAIL, picture, dict.fromkeys(marked, colour), width)
    return picture
