"""Pictures, as arrays: skeletons, flow fields, contact sheets, the sample sheet of a training."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from .skeleton import FRAME, LIMBS

COLOURS = [tuple(round(255 * v) for v in colorsys.hsv_to_rgb(k / len(LIMBS), 0.85, 0.95)) for k in range(len(LIMBS))]
"""One RGB colour a limb."""

GREY = (190, 190, 190)
"""Of limbs that are marked (Fig. 4)."""


def draw_pose(
    joints: np.ndarray,
    size: int,
    background: np.ndarray | int = 255,
    colours: Mapping[int, tuple[int, int, int]] | None = None,
    width: int | None = None,
) -> np.ndarray:
    """A pose as a coloured skeleton.

    Args:
        joints: (18, 2) float, pixels of the aligned frame, NaN where missing.
        size: side of the picture.
        background: (size, size, 3) uint8 to draw on, or a grey level.
        colours: which of `skeleton.LIMBS` to draw, by their number, and in which RGB colour; by default all in `COLOURS`.
        width: of a limb in pixels, by default a 64th of the side.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    canvas = np.full((size, size, 3), background, np.uint8) if isinstance(background, int) else background.copy()
    fraction = 4  # OpenCV takes fixed-point coordinates, with the origin at the centre of the first pixel
    points = np.nan_to_num((np.clip(joints, -FRAME, 2 * FRAME) * (size / FRAME) - 0.5) * 2**fraction).round().astype(int)
    known = ~np.isnan(joints).any(-1)
    for limb, colour in (dict(enumerate(COLOURS)) if colours is None else colours).items():
        a, b = LIMBS[limb]
        if known[a] and known[b]:
            thickness = width or max(1, size // 64)
            cv2.line(canvas, points[a].tolist(), points[b].tolist(), colour, thickness, cv2.LINE_AA, fraction)
    for joint in np.flatnonzero(known):
        radius = max(1, size // 85) << fraction
        cv2.circle(canvas, points[joint].tolist(), radius, (40, 40, 40), -1, cv2.LINE_AA, fraction)
    return canvas


def draw_flow(flow: np.ndarray, limit: float) -> np.ndarray:
    """A flow field in colour: hue for the direction, saturation for the length.

    Args:
        flow: (H, W, 2) float, displacements (x, y) in pixels.
        limit: a vector of this length or more, in pixels, has the full colour.

    Returns:
        (H, W, 3) uint8 RGB: white where nothing moves; red to the right, then by way of yellow-green (down), cyan (left) and
        violet (up) around the circle.
    """
    x, y = (np.ascontiguousarray(flow[..., axis], np.float32) for axis in (0, 1))
    length, degrees = cv2.cartToPolar(x, y, angleInDegrees=True)
    hsv = cv2.merge([degrees, np.minimum(length / limit, 1), np.ones_like(length)])
    return (cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255).round().astype(np.uint8)


def contact_sheet(frames: Sequence[np.ndarray], columns: int = 8, gap: int = 2) -> np.ndarray:
    """Frames of one size, (h, w, 3) uint8 each, in rows of `columns` on white: (H, W, 3) uint8."""
    height, width = frames[0].shape[:2]
    rows = -(-len(frames) // columns)
    sheet = np.full((rows * (height + gap) - gap, min(columns, len(frames)) * (width + gap) - gap, 3), 255, np.uint8)
    for k, frame in enumerate(frames):
        y, x = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = frame
    return sheet


def sample_sheet(blocks: Sequence[tuple[np.ndarray | None, np.ndarray, np.ndarray]]) -> np.ndarray:
    """A training's samples, block under block: reference frames (where there are any), their poses, what G makes of them.

    Args:
        blocks: of (K, size, size, 3) uint8 reference frames or None, (K, 18, 2) joints, (K, size, size, 3) uint8 generated.

    Returns:
        (H, W, 3) uint8; small frames are enlarged to at least 128 pixels.
    """
    size = max(128, blocks[0][2].shape[1])
    tiles = []
    for real, joints, generated in blocks:
        tiles += [] if real is None else [enlarge(frame, size) for frame in real]
        tiles += [draw_pose(pose, size) for pose in joints]
        tiles += [enlarge(frame, size) for frame in generated]
    return contact_sheet(tiles, len(blocks[0][2]))


def enlarge(frame: np.ndarray, size: int) -> np.ndarray:
    """(h, h, 3) uint8 → (size, size, 3) uint8, bicubic."""
    return frame if frame.shape[0] == size else cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC)


def encode_png(image: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of a PNG file."""
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def encode_webp(image: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of a WebP file, without loss: two thirds of a PNG."""
    return cv2.imencode(".webp", image[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
