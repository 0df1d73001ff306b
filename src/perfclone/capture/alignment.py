"""Alignment of a video to the common frame (Sec. 3.1): one scale and one translation for the whole video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..skeleton import FRAME, JOINT, trunk
from .settings import LENGTHS_PX


@dataclass(frozen=True)
class Alignment:
    """aligned = scale · source + (x, y), both in continuous pixels (see `perfclone.skeleton`).

    The mean body centre, half-way between neck and mid-hip and so about half-way between the feet and raised hands, comes to
    the frame's centre; the mean hip (or torso) size comes to a fixed length, `settings.LENGTHS_PX`.
    """

    scale: float
    x: float
    y: float

    def points(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) source pixels to aligned pixels, float64."""
        return np.asarray(points, np.float64) * self.scale + (self.x, self.y)

    def source_points(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) aligned pixels to source pixels, float64: the inverse of `points`."""
        return (np.asarray(points, np.float64) - (self.x, self.y)) / self.scale

    def of_resized(self, factor_x: float, factor_y: float) -> np.ndarray:
        """(2, 3) matrix from pixels of the source resized by these factors to aligned pixels."""
        return np.array([[self.scale / factor_x, 0, self.x], [0, self.scale / factor_y, self.y]])

    def image(self, image: np.ndarray, source: tuple[int, int] | None = None) -> np.ndarray:
        """(h, w[, C]) uint8 picture of the source, of any resolution, to the aligned (256, 256[, C]) uint8.

        Shrinking averages over areas. Outside the source, pictures are continued by their border and masks by 0.

        Args:
            image: a frame (three channels) or a mask (none).
            source: (width, height) of the source, in whose pixels this alignment is; default: the image's own.
        """
        import cv2

        height, width = image.shape[:2]
        source = source or (width, height)
        enlargement = self.scale * source[0] / width
        if enlargement < 1:
            size = (max(1, round(width * enlargement)), max(1, round(height * enlargement)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        matrix = self.of_resized(image.shape[1] / source[0], image.shape[0] / source[1])
        matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5  # OpenCV's origin is the first pixel's centre, ours its corner
        if image.ndim == 2:
            return cv2.warpAffine(image, matrix, (FRAME, FRAME), flags=cv2.INTER_LINEAR, borderValue=0)
        return cv2.warpAffine(image, matrix, (FRAME, FRAME), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


UNSTEADY = 0.25
"""From this coefficient of variation on the hips' distance is no measure of a performer, and the torso is taken if it is steadier. Of the
shipped performers, who turn and dance before the camera, it is at most half of that."""
LONG = 1.6
"""From so many times the usual proportion of torso to hips on, the hips are foreshortened."""
INSIDE = 0.95
"""Share of the frames in which all known joints have to lie inside the aligned frame."""
MARGIN = 4.0
"""Pixels that a performer who had to be shrunk keeps to the frame's border."""


def fit_alignment(joints: np.ndarray, align_by: str) -> Alignment:
    """The alignment of a video.

    Args:
        joints: (T, 18, 2) source pixels, NaN where missing.
        align_by: `hip` or `torso`, whose mean length becomes that of `settings.LENGTHS_PX`; or `auto`, which takes the hips as the paper
            does, or the torso where that is the steadier measure and the hips are none (`UNSTEADY`), as of somebody seen from the side or
            in a long skirt. Then it makes the performer as small as it takes for all joints to lie inside in `INSIDE` of the frames.

    Raises:
        InputError: the length that `align_by` names is never seen.
    """
    joints = np.asarray(joints, np.float64)
    neck, middle = trunk(joints)
    centre = np.nanmean((neck + middle) / 2, 0)
    length = steadier_length(joints) if align_by == "auto" else align_by
    size = body_size(joints, length)
    if not size > 0:
        raise InputError('the two hips are never seen together; align by the torso instead (align_by="torso")')
    scale = LENGTHS_PX[length] / size
    if align_by == "auto":
        scale *= _shrinking(scale * (joints - centre))
    x, y = FRAME / 2 - scale * centre
    return Alignment(float(scale), float(x), float(y))


def steadier_length(joints: np.ndarray) -> str:
    """`hip`, or `torso` where that varies less over the video and the hips are no measure: their distance varies by `UNSTEADY` or more,
    or the torso would come out more than `LONG` times as long as it usually is beside them."""
    hip, torso = (_lengths(joints, length) for length in ("hip", "torso"))
    if not _variation(torso) < _variation(hip):
        return "hip"
    usual = LENGTHS_PX["torso"] / LENGTHS_PX["hip"]
    long = np.nanmean(torso) > LONG * usual * np.nanmean(hip) if np.isfinite(hip).any() else True
    return "torso" if long or _variation(hip) >= UNSTEADY else "hip"


def _variation(lengths: np.ndarray) -> float:
    """Standard deviation over mean; infinite where there is no length."""
    lengths = lengths[np.isfinite(lengths)]
    return float(lengths.std() / lengths.mean()) if len(lengths) and lengths.mean() > 0 else float("inf")


def _shrinking(joints: np.ndarray) -> float:
    """The factor, at most 1, by which (T, 18, 2) aligned pixels from the frame's centre fit into the frame."""
    reach = np.abs(joints).reshape(len(joints), -1)
    reach = np.nanmax(reach[np.isfinite(reach).any(1)], 1)
    if np.mean(reach <= FRAME / 2) >= INSIDE:
        return 1.0
    return float((FRAME / 2 - MARGIN) / np.quantile(reach, INSIDE, method="higher"))


def body_size(joints: np.ndarray, align_by: str) -> float:
    """Mean distance of the two hips ("hip"), or of neck and mid-hip ("torso"), over the frames in which both are seen."""
    lengths = _lengths(joints, align_by)
    return float(np.nanmean(lengths)) if np.isfinite(lengths).any() else float("nan")


def _lengths(joints: np.ndarray, align_by: str) -> np.ndarray:
    neck, middle = trunk(joints)
    ends = joints[:, JOINT["right_hip"]] - joints[:, JOINT["left_hip"]] if align_by == "hip" else neck - middle
    return np.linalg.norm(ends, axis=-1)
