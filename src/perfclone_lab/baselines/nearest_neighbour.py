"""The nearest-neighbour row of Table 1: for each driving pose, the training frame whose pose is nearest by Eq. (7) (A14)."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.metrics.pose import descriptor, pose_distance
from perfclone.skeleton import FRAME, trunk


def nearest_frames(driving: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Index of the nearest reference pose by Eq. (7) for each driving pose.

    A reference pose that shows fewer of the driving pose's limbs than another does not win by having less to compare:
    among the reference poses only those are considered that share the most limbs with the driving pose.

    Args:
        driving: (A, 18, 2), reference: (B, 18, 2) joints in pixels of the aligned frame, NaN where missing.

    Returns:
        (A,) int; −1 where nothing can be compared.
    """
    distance, counted = pose_distance(descriptor(driving), descriptor(reference))
    distance[counted < counted.max(1, keepdims=True)] = np.inf
    distance[np.isnan(distance)] = np.inf
    index = distance.argmin(1)
    return np.where(np.isinf(distance.min(1)), -1, index)


def retrieve(driving: np.ndarray, reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """The retrieved frames, each shifted so that its trunk lies where the driver's is.

    Eq. (7) ignores translation, so an unshifted frame would be a straw man.

    Args:
        driving: (A, 18, 2) joints in pixels of the aligned frame.
        reference: (B, 18, 2) joints of `frames`.
        frames: (B, size, size, 3) uint8 on white.

    Returns:
        (A, size, size, 3) uint8; white where nothing was retrieved.
    """
    size = frames.shape[1]
    result = np.full((len(driving), size, size, 3), 255, np.uint8)
    for out, pose, nearest in zip(result, driving, nearest_frames(driving, reference), strict=True):
        if nearest < 0:
            continue
        shift = np.nanmean(np.stack(trunk(pose)) - np.stack(trunk(reference[nearest])), 0) * (size / FRAME)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        out[:] = cv2.warpAffine(frames[nearest], matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return result
