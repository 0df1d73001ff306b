"""A still camera in the studio: where a point of the world falls in the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

REACH = 1.28
"""How high raised hands come, in heights of the person."""

HALF_WIDTH = 0.22
"""How far arms that hang or swing come to either side, in heights of the person."""

HALF_SPAN = 0.52
"""How far outstretched arms come to either side, in heights of the person."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with square pixels and no distortion, upright, in the world of the studio (x to the actor's left, y up).

    Pixels are those of `perfclone.skeleton`: continuous, x to the right and y down, the origin at the picture's top-left corner.

    Attributes:
        width: of the picture in pixels.
        height: of the picture in pixels; any proportion will do.
        position: (x, y, z) of the camera in metres.
        target: (x, y, z) of a point in metres that falls on the picture's centre.
        focal_px: focal length in pixels.
        shift_px: (x, y) by which the whole picture is moved, in pixels, as when the camera shakes.
    """

    width: int
    height: int
    position: tuple[float, float, float]
    target: tuple[float, float, float]
    focal_px: float
    shift_px: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def framing(
        cls,
        person_m: float,
        width: int,
        height: int,
        camera_height_m: float | None = None,
        distance_m: float = 5.2,
        travel_m: float = 0.6,
        margin: float = 0.02,
    ) -> Camera:
        """The camera that shows a person as large as there is room for raised and outstretched arms and for some walking.

        Args:
            person_m: the person's height in metres.
            width, height: of the picture in pixels.
            camera_height_m: above the floor; default two thirds of the person's height.
            distance_m: from the camera to where the person stands, along the floor.
            travel_m: how far the person walks from there, to either side and to and fro.
            margin: free border, as a share of the picture's width and height.
        """
        lens = (0.66 * person_m if camera_height_m is None else camera_height_m, distance_m)
        room = _room(person_m, travel_m)
        low, high = 0.0, REACH * person_m
        for _ in range(40):  # by bisection: the height to aim at so that head room and foot room are equal
            aim = (low + high) / 2
            unit = cls(width, height, (0.0, *lens), (0.0, aim, 0.0), 1.0)
            x, y, _ = np.moveaxis(unit.project(room) - (width / 2, height / 2, 0), -1, 0)
            low, high = (aim, high) if -y.min() > y.max() else (low, aim)
        free = 1 - 2 * margin
        return replace(unit, focal_px=float(min(free * width / 2 / np.abs(x).max(), free * height / 2 / np.abs(y).max())))

    @cached_property
    def axes(self) -> np.ndarray:
        """(3, 3) float64, the world's directions of the picture's right, its top, and the line of sight."""
        forward = np.subtract(self.target, self.position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 1.0, 0.0))
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(right, forward), forward])

    @cached_property
    def matrix(self) -> np.ndarray:
        """(3, 4) float64 with (w·x, w·y, w) = matrix · (X, Y, Z, 1), where x, y are pixels and w is the depth in metres."""
        centre = np.array((self.width, self.height)) / 2 + self.shift_px
        intrinsic = np.array([[self.focal_px, 0, centre[0]], [0, -self.focal_px, centre[1]], [0, 0, 1]])
        return intrinsic @ np.column_stack([self.axes, -self.axes @ self.position])

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) metres to (..., 3) float64: x and y in pixels, and 1/depth in 1/m, which is linear over the picture of a plane.

        Points in or behind the camera's plane get an inverse depth of 0 or less; their x and y mean nothing.
        """
        seen = np.asarray(points, np.float64) @ self.matrix[:, :3].T + self.matrix[:, 3]
        depth = seen[..., 2]
        seen[..., 2] = 1 / np.where(depth == 0, -np.inf, depth)
        seen[..., :2] *= seen[..., 2:]
        return seen

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels to (..., 3) float64: directions in the world, of depth 1 m along the line of sight."""
        x, y = np.moveaxis(np.asarray(pixels, np.float64) - np.array((self.width, self.height)) / 2 - self.shift_px, -1, 0)
        return np.stack([x / self.focal_px, -y / self.focal_px, np.ones_like(x)], -1) @ self.axes

    def metres_per_pixel(self, depth_m: float) -> float:
        """Size in metres of what one pixel shows at a depth."""
        return depth_m / self.focal_px

    def record(self) -> dict:
        """What a truth file keeps of the camera, as plain lists and numbers for JSON."""
        return {
            "width": self.width,
            "height": self.height,
            "position_m": [float(value) for value in self.position],
            "target_m": [float(value) for value in self.target],
            "focal_px": float(self.focal_px),
            "shift_px": [float(value) for value in self.shift_px],
            "matrix": self.matrix.tolist(),
        }


def _room(person_m: float, travel_m: float) -> np.ndarray:
    """(n, 3) points in metres that a picture of this person must hold: walking about, and arms high or wide near the middle."""
    standing = [(x, y, z) for x in (-1, 1) for y in (0.0, 1.02 * person_m) for z in (-travel_m, travel_m)]
    walking = [(x * (travel_m + HALF_WIDTH * person_m), y, z) for x, y, z in standing]
    sway = travel_m / 3
    raised = [(0.0, REACH * person_m, z) for z in (-sway, sway)]
    spread = [(x * (HALF_SPAN * person_m + sway), 0.8 * person_m, z) for x in (-1, 1) for z in (-sway, sway)]
    return np.array(walking + raised + spread)
