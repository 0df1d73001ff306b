"""What is true of pictures from the studio: where everything moves from one to another, and what can be seen."""

from __future__ import annotations

import numpy as np

from . import raster
from .renderer import Rendering

TOLERANCE_M = 0.015
"""Difference in depth up to which a place counts as the one that is seen."""

ROUND_TRIP_PX = 0.1
"""How far from where it started a pixel may come back, by the flow there and the flow back, to be valid."""


def flow(before: Rendering, after: Rendering) -> tuple[np.ndarray, np.ndarray]:
    """Where the content of `before` is in `after`: what is at p of `before` is at p + flow(p) of `after`.

    It is exact at the pixels' centres, for the performer and for the room behind, which moves only when the camera shakes.
    Swap the arguments for backward flow.

    Args:
        before, after: of the same model and size, in whichever order in time.

    Returns:
        (H, W, 2) float32 pixels; (H, W) bool, where it can be relied on: the place is seen in both pictures (its depth in the
        other is right within `TOLERANCE_M`), and the flow back from there, interpolated, leads to the same place within
        `ROUND_TRIP_PX`.
    """
    there = motion(before, after)
    return there, seen_in(before, after, there) & (round_trip(there, motion(after, before)) <= ROUND_TRIP_PX)


def motion(before: Rendering, after: Rendering) -> np.ndarray:
    """The flow from `before` to `after`, (H, W, 2) float32 pixels, whether or not what moves can be seen there."""
    surface = before.surface
    shift = np.subtract(after.camera.shift_px, before.camera.shift_px)
    out = np.broadcast_to(shift.astype(np.float32), (*surface.face.shape, 2)).copy()
    where, shown, weights = raster.covered(surface.face, surface.share)
    ends = [
        rendering.camera.project(raster.interpolate(rendering.vertices.astype(np.float64), before.model.faces, shown, weights))
        for rendering in (before, after)
    ]
    out[where[:, 0], where[:, 1]] = (ends[1] - ends[0])[:, :2]
    return out


def seen_in(before: Rendering, after: Rendering, there: np.ndarray) -> np.ndarray:
    """(H, W) bool: whether what each pixel of `before` shows is also seen in `after`, at p + `there`.

    1/depth changes steadily over the picture of a plane, so that it can be interpolated between the pixels around the target.
    """
    surface = before.surface
    rows, columns = np.indices(surface.face.shape)
    target = np.stack([columns, rows], -1) + 0.5 + there
    inside = ((target >= 0) & (target <= (after.camera.width, after.camera.height))).all(-1)
    found = sample(after.surface.nearness, target)
    performer = surface.face != raster.NOTHING
    expected = np.zeros_like(found)
    where, shown, weights = raster.covered(surface.face, surface.share)
    points = raster.interpolate(after.vertices.astype(np.float64), before.model.faces, shown, weights)
    expected[where[:, 0], where[:, 1]] = after.camera.project(points)[:, 2]
    near = np.abs(found - expected) <= TOLERANCE_M * expected**2
    return inside & np.where(performer, near, found == 0)


def round_trip(there: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(H, W) float64 pixels between where a pixel starts and where the flow there and back leads; (H, W, 2) each."""
    rows, columns = np.indices(there.shape[:2])
    target = np.stack([columns, rows], -1) + 0.5 + there
    return np.hypot(*np.moveaxis(there + np.stack([sample(back[..., k], target) for k in range(2)], -1), -1, 0))


def sample(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(…,) float64 values of an (H, W) image at (…, 2) continuous pixels, bilinear, the border going on outside."""
    height, width = image.shape
    x, y = np.clip(at[..., 0] - 0.5, 0, width - 1), np.clip(at[..., 1] - 0.5, 0, height - 1)
    i, j = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    u, v = x - i, y - j
    top = image[j, i] * (1 - u) + image[j, i + 1] * u
    return top * (1 - v) + (image[j + 1, i] * (1 - u) + image[j + 1, i + 1] * u) * v


def visible(rendering: Rendering, points: np.ndarray, tolerance_m: float | np.ndarray) -> np.ndarray:
    """(K,) bool: whether the camera sees (K, 3) points in metres, such as joints, with nothing more than `tolerance_m` before them.

    A joint lies inside the body; the tolerance must cover the flesh and cloth over it. Points outside the picture are not seen.
    """
    x, y, nearness = np.moveaxis(rendering.camera.project(points), -1, 0)
    width, height = rendering.camera.width, rendering.camera.height
    inside = (nearness > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & (covering(rendering, points) <= tolerance_m)


def covering(rendering: Rendering, points: np.ndarray) -> np.ndarray:
    """(K,) float64 metres from the surface that the camera sees to each of (K, 3) points behind it; below 0 for points before it.

    −∞ where it sees no performer.
    """
    x, y, nearness = np.moveaxis(rendering.camera.project(points), -1, 0)
    surface = rendering.surface.nearness
    rows, columns = np.clip(y, 0, surface.shape[0] - 1).astype(int), np.clip(x, 0, surface.shape[1] - 1).astype(int)
    with np.errstate(divide="ignore"):
        return 1 / nearness - 1 / surface[rows, columns].astype(np.float64)
