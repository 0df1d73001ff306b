"""Is a film fit to be measured against? How well its flow explains its pictures, whether feet skate and arms enter the body.

`perfclone-studio inspect ann eve`
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from . import raster, truth
from .body import BODY_VERTICES, Body
from .film import Shooting, find_film
from .motion import Motion
from .renderer import Rendering

ARM = ("clavicle", "upperarm", "lowerarm", "hand", "thumb", "index", "middle", "ring", "pinky")
"""How the names of the bones begin that an arm hangs on."""

EVERY = 10
"""Flow is inspected from one frame in so many to the next, and arms in one frame in so many."""


def inspect_film(name: str) -> dict:
    """What can be measured of a film.

    Returns:
        `frames`; `skate_m_s`, the highest speed of a planted foot; `arm_depth_m`, how deep the skin of the trunk or the head
        ever lies over an arm's axis, 0 if it never does; `photometric_ratio`, the error of the next picture brought back along the
        flow over that of the next picture as it is, over all valid pixels of the performer; `photometric_ratio_moving`, the same over
        those of them that move by more than half a pixel; `flow_agreement`, the share of the performer's pixels visible in both pictures
        from which flow there and flow back lead within 0.1 pixels of where they started.
    """
    shooting = Shooting(find_film(name))
    pairs = [pair_errors(shooting.frame(n), shooting.frame(n + 1)) for n in range(0, len(shooting) - 1, EVERY)]
    warped, still, moving_warped, moving_still, agreeing, visible = np.sum(pairs, 0)
    return {
        "film": name,
        "frames": len(shooting),
        "skate_m_s": skate(shooting.motion, shooting.body),
        "arm_depth_m": max(arm_depth(shooting.motion, shooting.body, n) for n in range(0, len(shooting), EVERY)),
        "photometric_ratio": warped / still,
        "photometric_ratio_moving": moving_warped / moving_still,
        "flow_agreement": agreeing / visible,
    }


def pair_errors(before: Rendering, after: Rendering) -> tuple[float, float, float, float, int, int]:
    """Sums over two successive pictures.

    Returns:
        absolute colour differences of `before` to `after` brought back along the flow, and to `after` as it is, over the performer's
        valid pixels; both again over those that move by more than half a pixel; how many visible pixels come back to where they started,
        and how many visible ones there are.
    """
    forward, valid = truth.flow(before, after)
    performer = before.surface.face != raster.NOTHING
    rows, columns = np.indices(valid.shape).astype(np.float32)
    back = cv2.remap(after.image, columns + forward[..., 0], rows + forward[..., 1], cv2.INTER_LINEAR)
    warped, still = (np.abs(image.astype(float) - before.image).mean(-1) for image in (back, after.image))
    counted = valid & performer
    moving = counted & (np.linalg.norm(forward, axis=-1) > 0.5)
    visible = truth.seen_in(before, after, forward) & performer
    agreeing = visible & (truth.round_trip(forward, truth.motion(after, before)) <= truth.ROUND_TRIP_PX)
    sums = [image[where].sum() for where in (counted, moving) for image in (warped, still)]
    return (*sums, int(agreeing.sum()), int(visible.sum()))


def skate(motion: Motion, body: Body) -> float:
    """The highest speed in metres a second of an ankle or ball of the foot between two frames in which the foot is planted."""
    fastest = 0.0
    for column, side in enumerate("lr"):
        both = motion.planted[1:, column] & motion.planted[:-1, column]
        for bone in (f"foot_{side}", f"ball_{side}"):
            path = motion.positions[:, body.skeleton.index(bone)].astype(float)
            speed = np.linalg.norm(np.diff(path, axis=0), axis=-1) * motion.fps
            fastest = max(fastest, float(speed[both].max(initial=0)))
    return fastest


def arm_depth(motion: Motion, body: Body, frame: int) -> float:
    """Metres by which the skin of trunk, head and thighs covers an arm's axis from the elbow to the hand in a frame, 0 if nowhere.

    Measured against the nearest triangles of the skinned surface itself, not against the ellipses by which the arms are kept out.
    """
    triangles = _trunk_triangles(body)
    used, corners = np.unique(triangles, return_inverse=True)
    places = skin(motion, body, frame, used)[corners.reshape(-1, 3)]
    outwards = np.cross(places[:, 1] - places[:, 0], places[:, 2] - places[:, 0])
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True) + 1e-12
    centres = places.mean(1)
    points = np.concatenate([_arm_axis(motion, body, frame, side) for side in "lr"])
    _, near = cKDTree(centres).query(points, k=5)
    outside = np.median(((points[:, None] - centres[near]) * outwards[near]).sum(-1), axis=1)
    return max(0.0, float(-outside.min()))


def skin(motion: Motion, body: Body, frame: int, vertices: np.ndarray) -> np.ndarray:
    """(n, 3) metres, where some of the body's vertices are, by linear blend skinning."""
    rotations, positions = motion.rotations[frame].astype(float), motion.positions[frame].astype(float)
    local = body.vertices[vertices, None] - body.skeleton.head
    return np.einsum("nb,nbi->ni", body.weights[vertices], np.einsum("bij,nbj->nbi", rotations, local) + positions)


def followers(body: Body, prefixes: tuple[str, ...], share: float) -> np.ndarray:
    """The body's vertices that follow bones whose names begin in one of these ways by more than a share."""
    bones = [index for index, name in enumerate(body.skeleton.names) if name.startswith(prefixes)]
    on_body = np.isin(np.arange(BODY_VERTICES), body.faces["body"])
    return np.flatnonzero(on_body & (body.weights[:BODY_VERTICES, bones].sum(1) > share))


def _trunk_triangles(body: Body) -> np.ndarray:
    trunk = followers(body, ("pelvis", "spine", "neck", "head", "thigh"), 0.9)
    trunk = np.setdiff1d(trunk, followers(body, (*ARM, "calf"), 0.02))
    triangles = body.faces["body"]
    return triangles[np.isin(triangles, trunk).all(1)]


def _arm_axis(motion: Motion, body: Body, frame: int, side: str) -> np.ndarray:
    def place(bone: str) -> np.ndarray:
        return motion.positions[frame, body.skeleton.index(f"{bone}_{side}")].astype(float)

    elbow, wrist, hand = place("lowerarm"), place("hand"), 0.5 * (place("middle_01") + place("pinky_01"))
    return np.stack([elbow, 0.5 * (elbow + wrist), 0.2 * elbow + 0.8 * wrist, wrist, hand])
