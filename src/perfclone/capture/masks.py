"""Masks of the performer and the clean plate behind (in place of the paper's interactive segmentation, Sec. 5)."""

from __future__ import annotations

import numpy as np


class Refiner:
    """Fits an extractor's soft masks to the picture, with the help of the clean plate.

    In a narrow band around the mask's outline, the evidence of the extractor (its log-odds) is added to that of the picture:
    how far a pixel's colour is from the plate's, up to the darkening that a shadow makes. Elsewhere the extractor decides.
    Where the plate does not fit the background (the camera moves), a pixel must differ by more than the background does, so
    that the extractor gets the last word.

    Measured against truth on some 50 frames each, IoU of the extractor's masks and of the refined ones: dee 0.953 → 0.971, eve
    0.957 → 0.966, fin 0.955 → 0.962, gil 0.962 → 0.968. What counts is how deep a shadow is allowed to be: a pixel half of which
    shows dark trousers looks like the wall in shadow. With shadows down to 0.6 of the brightness, refining made these masks
    worse (dee 0.936, eve 0.939), 4 % too small.
    """

    DIFFERENT = 25.0
    """Distance of colours (Euclidean, RGB of 0…255) that speaks neither for nor against the performer."""

    SOFTNESS = 10.0
    """A distance larger by this much makes the performer e times likelier."""

    LIMIT = 1.0
    """The picture's evidence counts for at most this much (natural log-odds)."""

    SHADE = (0.9, 1.05)
    """A background in shadow keeps between these shares of its brightness."""

    def __init__(self, plate: np.ndarray) -> None:
        self._plate = _calm(plate)

    def refine(self, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 frame, (H, W) uint8 soft mask → (H, W) uint8 soft mask."""
        import cv2

        rows = np.flatnonzero((mask >= 128).any(1))
        if not len(rows):
            return mask
        reach = max(1, round((rows[-1] - rows[0]) / 75))
        square = np.ones((2 * reach + 1,) * 2, np.uint8)
        around = cv2.dilate((mask > 26).astype(np.uint8), square) > 0
        inside = cv2.erode((mask > 200).astype(np.uint8), square) > 0
        left, top, width, height = cv2.boundingRect(cv2.dilate(around.astype(np.uint8), square))
        box = slice(top, top + height), slice(left, left + width)
        likely = np.zeros_like(mask)
        likely[box] = self._likely(frame, mask, box, around[box])
        return np.where(inside, 255, np.where(around, likely, 0)).astype(np.uint8)

    def _likely(self, frame: np.ndarray, mask: np.ndarray, box: tuple[slice, slice], around: np.ndarray) -> np.ndarray:
        colours, plate = _calm(frame[box]), self._plate[box]
        shade = np.clip((colours * plate).sum(-1) / ((plate * plate).sum(-1) + 1), *self.SHADE)
        distance = np.linalg.norm(colours - shade[..., None] * plate, axis=-1)
        usual = float(np.median(distance[~around])) if (~around).any() else 0.0
        prior = np.clip(mask[box] / 255, 0.01, 0.99)
        picture = np.clip((distance - max(self.DIFFERENT, 3 * usual)) / self.SOFTNESS, -self.LIMIT, self.LIMIT)
        odds = np.log(prior / (1 - prior)) + picture
        return np.round(255 / (1 + np.exp(-odds)))


def _calm(image: np.ndarray) -> np.ndarray:
    """float32, with the pixel noise taken off."""
    import cv2

    return cv2.GaussianBlur(image, (0, 0), 0.6).astype(np.float32)


def encode_mask(mask: np.ndarray) -> bytes:
    """(H, W) uint8, foreground where at least 128 → a 1-bit PNG."""
    import cv2

    mask = np.where(mask >= 128, 255, 0).astype(np.uint8)
    options = [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 6]  # 9 saves 5 % more and takes four times as long
    ok, png = cv2.imencode(".png", mask, options)
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
