"""Where a body's trunk, head and thighs are, and how arms are kept out of them.

The trunk is a stack of ellipses along the spine, fitted to the body's own skin and bent with it; the head is an ellipsoid and
each thigh a capsule. All is vectorised over the frames of a motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .body import BODY_VERTICES, Body

SPINE = ("pelvis", "spine_01", "spine_02", "spine_03")

SOFT_M = 0.006
"""Points begin to be pushed so far before they touch, in metres, so that contact comes and goes smoothly."""

CLOTH_M = 0.012
"""What is worn on the trunk, in metres."""

SETTLE_S = (0.07, 0.045, 0.03)
"""Pushes are smoothed over time after each round, with Gaussians of these standard deviations, in seconds."""

DETOUR = 2.5
"""How strongly a point deep inside something is led out to its own side, rather than the nearest way, which could flip."""


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors of length 1 along the last axis."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def turned(rotations: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(T, 3, 3) rotations of (T, 3) or (3,) vectors."""
    return (rotations @ np.broadcast_to(v, (len(rotations), 3))[..., None])[..., 0]


class Obstacles:
    """What arms must stay out of: a body in all frames of a motion.

    Attributes:
        rotations: (T, B, 3, 3) of the body's bones.
        positions: (T, B, 3) of the body's bones, metres.
    """

    def __init__(self, body: Body, rotations: np.ndarray, positions: np.ndarray) -> None:
        self.rotations, self.positions = rotations, positions
        self._skeleton = body.skeleton
        self._skin, self._weights = body.vertices[:BODY_VERTICES], body.weights[:BODY_VERTICES]
        self._spine = [self._skeleton.index(name) for name in SPINE]
        self._centres = 0.5 * (self._skeleton.head + self._skeleton.tail)[self._spine, 1]
        self._heights, self._profile = self._fitted_trunk()
        self._skull = self._fitted_skull()
        self._thigh_radii = self._fitted_thigh()

    def push(self, points: np.ndarray, own: float, room: float, head: bool, thighs: bool) -> np.ndarray:
        """(T, 3) metres by which (T, 3) points should move to be `room` away from the body.

        Args:
            points: metres.
            own: the side of the body that they belong to, 1 left and -1 right; from deep inside, the way out leads there.
            room: metres.
            head: whether they must stay out of the head.
            thighs: whether they must stay out of the thighs.
        """
        found = [self._trunk(points, own)]
        if head:
            found.append(self._head(points, own))
        if thighs:
            found += [self._thigh(points, s) for s in "lr"]
        return sum(soft(room + CLOTH_M - distance)[:, None] * way for distance, way in found)

    # Each of these gives (T,) signed distances in metres, negative inside, and the way out as (T, 3) unit vectors.

    def _trunk(self, points: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        R, P = self.rotations[:, self._spine], self.positions[:, self._spine]
        local = np.einsum("tbji,tbj->tbi", R, points[:, None] - P) + self._skeleton.head[self._spine]
        y = local[:, 2, 1]
        for _ in range(4):  # where each point would be in the rest pose, on a spine that bends smoothly
            shares = self._shares(y)
            y = 0.5 * y + 0.5 * np.einsum("tb,tb->t", shares, local[..., 1])
        distance, way = self._from_ellipses(np.einsum("tb,tbi->ti", shares, local), own)
        return distance, unit(np.einsum("tb,tbij,tj->ti", shares, R, way))

    def _shares(self, y: np.ndarray) -> np.ndarray:
        """(T,) heights in the rest pose → (T, bones), how far each bone of the spine carries what is there."""
        place = np.interp(y, self._centres, np.arange(len(self._centres)))
        return np.clip(1 - np.abs(place[:, None] - np.arange(len(self._centres))), 0, 1)

    def _from_ellipses(self, rest: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        y = np.clip(rest[:, 1], self._heights[0], self._heights[-1])
        wide, back, front = (np.interp(y, self._heights, column) for column in self._profile.T)
        flat = np.stack([rest[:, 0], rest[:, 2] - 0.5 * (front + back)], -1)
        level, outwards = _from_ellipsoid(flat, np.stack([wide, 0.5 * (front - back)], -1), np.array([own, 0.0]))
        beyond = rest[:, 1] - y
        distance = np.where(level > 0, np.hypot(level, beyond), level + np.abs(beyond))
        outwards = outwards * np.maximum(level, 0.01)[:, None]
        return distance, unit(np.stack([outwards[:, 0], beyond, outwards[:, 1]], -1))

    def _head(self, points: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        centre, radii = self._skull
        bone = self._skeleton.index("head")
        R, P = self.rotations[:, bone], self.positions[:, bone]
        local = turned(R.swapaxes(1, 2), points - P) + self._skeleton.head[bone] - centre
        distance, way = _from_ellipsoid(local, radii, np.array([own, 0.3, 0.0]))
        return distance, turned(R, way)

    def _thigh(self, points: np.ndarray, s: str) -> tuple[np.ndarray, np.ndarray]:
        hip, knee = (self.positions[:, self._skeleton.index(f"{bone}_{s}")] for bone in ("thigh", "calf"))
        along = np.clip(((points - hip) * (knee - hip)).sum(-1) / ((knee - hip) ** 2).sum(-1), 0, 1)
        off = points - hip - along[:, None] * (knee - hip)
        return np.linalg.norm(off, axis=-1) - np.interp(along, [0.3, 0.85], self._thigh_radii), unit(off)

    def _fitted_trunk(self) -> tuple[np.ndarray, np.ndarray]:
        """Heights (n,) from the crotch to the neck, and there (n, 3) half the width, the back's z and the front's z."""
        index, head = self._skeleton.index, self._skeleton.head
        arms = [i for i, name in enumerate(self._skeleton.names) if name.startswith(("upperarm", "lowerarm"))]
        crotch = head[index("thigh_l"), 1] - 0.125 * (head[index("spine_01"), 1] - head[index("calf_l"), 1])
        top = head[index("neck_01"), 1]
        broad = 1.12 * head[index("upperarm_l"), 0]
        trunk = self._skin[(self._weights[:, arms].sum(1) < 0.35) & (np.abs(self._skin[:, 0]) < broad)]
        heights = np.linspace(crotch, top, 22)
        slabs = [trunk[np.abs(trunk[:, 1] - y) < 0.02 + 0.5 * (heights[1] - heights[0])] for y in heights]
        profile = np.array([[np.abs(v[:, 0]).max(), v[:, 2].min(), v[:, 2].max()] for v in slabs])
        return heights, gaussian_filter1d(profile, 1.0, axis=0, mode="nearest")

    def _fitted_skull(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and radii of the head in the rest pose."""
        own = self._skin[self._weights[:, self._skeleton.index("head")] > 0.5]
        return 0.5 * (own.max(0) + own.min(0)), 0.5 * (own.max(0) - own.min(0))

    def _fitted_thigh(self) -> tuple[float, float]:
        """Radius of the thigh at 0.3 and at 0.85 of its length."""
        thigh, calf = (self._skeleton.index(name) for name in ("thigh_l", "calf_l"))
        hip, knee = self._skeleton.head[[thigh, calf]]
        own = self._skin[self._weights[:, thigh] > 0.6]
        along = (own - hip) @ (knee - hip) / ((knee - hip) @ (knee - hip))
        off = np.linalg.norm(own - hip - along[:, None] * (knee - hip), axis=1)
        return float(np.median(off[np.abs(along - 0.3) < 0.1])), float(np.median(off[np.abs(along - 0.85) < 0.1]))


def soft(depth: np.ndarray) -> np.ndarray:
    """max(depth, 0) without the corner."""
    return 0.5 * (depth + np.sqrt(depth**2 + SOFT_M**2))


def _from_ellipsoid(points: np.ndarray, radii: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance of (T, n) points to an ellipsoid around 0, to first order, and the way out, (T, n) unit vectors."""
    q = np.linalg.norm(points / radii, axis=-1, keepdims=True) + 1e-6
    slope = points / radii**2 / q
    steep = np.linalg.norm(slope, axis=-1, keepdims=True) + 1e-6
    distance = np.maximum((q - 1) / steep, -1.0)[:, 0]
    return distance, unit(slope / steep + DETOUR * np.clip(1 - q, 0, 1) ** 1.5 * own)


@dataclass
class ArmInSpace:
    """One arm over time: the shoulder is fixed, elbow and wrist are free on their spheres.

    Attributes:
        shoulder: (T, 3) float64 metres.
        elbow: (T, 3) float64 metres.
        wrist: (T, 3) float64 metres.
        hand: (T, 3) float64, from the wrist to the hand's centre.
        thickness: radius at elbow, middle of the forearm, wrist, hand's centre and fingers, metres.
    """

    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    hand: np.ndarray
    thickness: tuple[float, float, float, float, float]

    def __post_init__(self) -> None:
        self.upper = float(np.linalg.norm(self.elbow[0] - self.shoulder[0]))
        self.fore = float(np.linalg.norm(self.wrist[0] - self.elbow[0]))

    def point(self, along: float) -> np.ndarray:
        """(T, 3) of a place on the arm: 0 shoulder, 1 elbow, 2 wrist, 3 the hand's centre."""
        if along <= 1:
            return self.shoulder + along * (self.elbow - self.shoulder)
        if along <= 2:
            return self.elbow + (along - 1) * (self.wrist - self.elbow)
        return self.wrist + (along - 2) * self.hand

    def room(self, along: float) -> float:
        """Radius of the arm at such a place, metres."""
        return float(np.interp(along, [1, 1.5, 2, 3, 4], self.thickness))

    def push(self, along: float, by: np.ndarray) -> None:
        """Move a place on the arm by (T, 3) metres, roughly: elbow and wrist go along, as far as their lengths let them."""
        self.put(self.elbow + by * min(1.0, 1.0 / max(along, 1.0)) ** 0.7, self.wrist + by * min(1.0, 2.0 / max(along, 2.0)))

    def put(self, elbow: np.ndarray, wrist: np.ndarray) -> None:
        """Bring elbow and wrist as near to these places as the bones' lengths allow."""
        self.elbow = self.shoulder + self.upper * unit(elbow - self.shoulder)
        self.wrist = self.elbow + self.fore * unit(wrist - self.elbow)


PLACES = (0.75, 1.0, 1.35, 1.7, 2.0, 2.6, 3.0, 3.9)
"""Where arms are kept out of the body, as in `ArmInSpace.point`."""


def keep_out(arms: tuple[ArmInSpace, ArmInSpace], obstacles: Obstacles, fps: float) -> None:
    """Push the left and the right arm out of the trunk, the head, the thighs and each other; smooth in time."""
    before = [(arm.elbow, arm.wrist) for arm in arms]
    for seconds in SETTLE_S:
        for _ in range(4):
            _push_once(arms, obstacles)
        for arm, (elbow, wrist) in zip(arms, before):
            pushed = np.concatenate([arm.elbow - elbow, arm.wrist - wrist], -1)
            pushed = gaussian_filter1d(pushed, seconds * fps, axis=0, mode="nearest")
            arm.put(elbow + pushed[:, :3], wrist + pushed[:, 3:])


def _push_once(arms: tuple[ArmInSpace, ArmInSpace], obstacles: Obstacles) -> None:
    _part(*arms)
    for own, arm in zip((1.0, -1.0), arms):
        for along in PLACES:
            by = obstacles.push(arm.point(along), own, arm.room(along), head=along > 1.2, thighs=along >= 2)
            arm.push(along, 0.8 * by)


def _part(left: ArmInSpace, right: ArmInSpace) -> None:
    """Keep forearms and hands of the two arms apart; arms that cross do so with the left one above."""
    for mine, other in product((3.0, 2.0, 1.5), repeat=2):
        apart = left.point(mine) - right.point(other)
        distance = np.linalg.norm(apart, axis=-1)
        room = left.room(mine) + right.room(other)
        way = unit(apart) + DETOUR * np.clip(1 - distance / room, 0, 1)[:, None] ** 1.5 * [0.0, 1.0, 0.0]
        by = 0.4 * soft(room - distance)[:, None] * unit(way)
        left.push(mine, by)
        right.push(other, -by)
