"""A choreography on a body: the rotation and place of every bone in every frame.

Feet stand where the choreography puts them, by two-bone inverse kinematics; the pelvis comes down as far as short legs need;
the spine shares its bend among its bones; shoulders follow the arms; arms stay out of the trunk and the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from .body import BODY_VERTICES, Body, Skeleton
from .choreography import Choreography
from .contact import ArmInSpace, Obstacles, keep_out, turned, unit
from .score import SIDES, sign

DOWN = np.array([0.0, -1.0, 0.0])

REACH = 0.9965
"""A leg is never straighter than this share of its length, so that knees do not lock."""

SPINE_SHARES = {"spine_01": 0.25, "spine_02": 0.55, "spine_03": 1.0}
"""How much of the way from the pelvis's rotation to the chest's each bone of the spine has gone."""

HIP_FORWARD = 0.03
"""Standing, the hip joints are so far in front of the ankles, in leg lengths."""

CURL = {"01": 62.0, "02": 88.0, "03": 52.0}
"""How far each bone of a finger is bent in a fist, degrees."""

THUMB_CURL = {"01": 14.0, "02": 34.0, "03": 48.0}


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion of one body, T frames of B bones.

    A vertex is at Σ w (R (v − head) + P), with R and P of its bones below and `head` of their skeleton.

    Attributes:
        rotations: (T, B, 3, 3) float32, each bone's global rotation from the rest pose.
        positions: (T, B, 3) float32, where each bone begins, metres.
        planted: (T, 2) bool, whether the left and the right foot are flat on the floor and still.
        fps: frames a second.
        segments: (name, first frame, last frame) of each, both inclusive.
    """

    rotations: np.ndarray
    positions: np.ndarray
    planted: np.ndarray
    fps: float
    segments: tuple[tuple[str, int, int], ...]

    def __len__(self) -> int:
        return len(self.rotations)


def retarget(choreography: Choreography, body: Body) -> Motion:
    """Let a body perform a choreography."""
    pose = _Pose(choreography, body)
    pose.trunk()
    pose.stand()
    for side in SIDES:
        pose.arm(side)
    pose.solve_positions()
    pose.free_arms()
    for side in SIDES:
        pose.fingers(side)
    pose.solve_positions()
    return Motion(
        rotations=pose.rotations.astype(np.float32),
        positions=pose.positions.astype(np.float32),
        planted=np.stack([choreography.feet[side].planted for side in SIDES], -1),
        fps=choreography.fps,
        segments=choreography.segments,
    )


class _Pose:
    """Rotations and positions in the making."""

    def __init__(self, choreography: Choreography, body: Body) -> None:
        self.choreography, self.body, self.skeleton = choreography, body, body.skeleton
        frames, bones = len(choreography), len(self.skeleton.names)
        self.rotations = np.zeros((frames, bones, 3, 3))
        self.positions = np.zeros((frames, bones, 3))
        self.leg = float(np.linalg.norm(self.bone("thigh_l")) + np.linalg.norm(self.bone("calf_l", "foot_l")))
        self.arms = {side: _arm_rest(self.skeleton, side) for side in SIDES}

    def head(self, name: str) -> np.ndarray:
        """(3,) where a bone begins in the rest pose."""
        return self.skeleton.head[self.skeleton.index(name)]

    def bone(self, name: str, to: str | None = None) -> np.ndarray:
        """(3,) a bone in the rest pose, to its tail or to the head of another."""
        return (self.head(to) if to else self.skeleton.tail[self.skeleton.index(name)]) - self.head(name)

    def set(self, name: str, rotations: np.ndarray) -> None:
        self.rotations[:, self.skeleton.index(name)] = rotations

    def of(self, name: str) -> np.ndarray:
        return self.rotations[:, self.skeleton.index(name)]

    def at(self, name: str) -> np.ndarray:
        return self.positions[:, self.skeleton.index(name)]

    def solve_positions(self) -> None:
        """Where every bone begins, from the root's place and all rotations."""
        head = self.skeleton.head
        for bone, parent in enumerate(self.skeleton.parent):
            if parent >= 0:
                self.positions[:, bone] = self.positions[:, parent] + turned(
                    self.rotations[:, parent], head[bone] - head[parent]
                )

    # ---- trunk ----

    def trunk(self) -> None:
        pelvis, chest, face = (self.choreography.rotations[part] for part in ("pelvis", "chest", "head"))
        self.set("pelvis", pelvis)
        for name, share in SPINE_SHARES.items():
            self.set(name, _between(pelvis, chest, share))
        self.set("neck_01", _between(chest, face, 0.45))
        self.set("head", face)

    # ---- legs ----

    def stand(self) -> None:
        """Place the feet, lower the pelvis as far as the legs need, and bend the knees."""
        root = self.choreography.pelvis * self.leg + self.head("pelvis") - [0, 0, self.head("foot_l")[2]]
        root[:, 2] += HIP_FORWARD * self.leg - (self.head("thigh_l") - self.head("foot_l"))[2]
        ankles = {side: self.foot(side) for side in SIDES}
        hips = {side: root + turned(self.of("pelvis"), self.bone("pelvis", f"thigh_{side[0]}")) for side in SIDES}
        root[:, 1] -= self._too_high(hips, ankles)
        self.positions[:, 0] = root
        for side in SIDES:
            hip = root + turned(self.of("pelvis"), self.bone("pelvis", f"thigh_{side[0]}"))
            self._bend_knee(side, hip, ankles[side])

    def foot(self, side: str) -> np.ndarray:
        """Rotations of a foot and its toes, and (T, 3) where its ankle is."""
        foot, s = self.choreography.feet[side], side[0]
        toes = self.bone(f"foot_{s}")
        yaw = Rotation.from_euler("Y", (foot.yaw - np.arctan2(toes[0], toes[2]))[:, None])
        across = unit(np.cross([0.0, 1.0, 0.0], toes * [1, 0, 1]))
        pitch = yaw * Rotation.from_rotvec(foot.pitch[:, None] * across)
        self.set(f"foot_{s}", pitch.as_matrix())
        # Toes stay flat while the heel peels off, and follow the foot once it is in the air or stands on its heel.
        free = np.where(foot.pitch > 0, np.clip(foot.position[:, 1] / 0.08, 0, 1), 1.0)
        self.set(f"ball_{s}", (yaw * Rotation.from_rotvec((free * foot.pitch)[:, None] * across)).as_matrix())
        pivot = np.where((foot.pitch > 0)[:, None], toes, self._heel(side))
        flat = foot.position * self.leg + [0, self.head(f"foot_{s}")[1], 0]
        return flat + yaw.apply(pivot) - pitch.apply(pivot)

    def _heel(self, side: str) -> np.ndarray:
        """From the ankle to where the heel meets the floor, in the rest pose."""
        bone = self.skeleton.index(f"foot_{side[0]}")
        skin = self.body.vertices[:BODY_VERTICES]
        sole = skin[(self.body.weights[:BODY_VERTICES, bone] > 0.5) & (skin[:, 1] < 0.012)]
        back = sole[sole[:, 2] < np.quantile(sole[:, 2], 0.1)].mean(0)
        return np.array([back[0], 0.0, back[2]]) - self.skeleton.head[bone]

    def _too_high(self, hips: dict[str, np.ndarray], ankles: dict[str, np.ndarray]) -> np.ndarray:
        """(T,) metres by which the pelvis must come down so that both feet reach the floor; smooth in time."""
        most = REACH * self.leg
        excess = np.zeros(len(self.positions))
        for side in SIDES:
            way = hips[side] - ankles[side]
            level = np.minimum(np.hypot(way[:, 0], way[:, 2]), 0.95 * most)
            on_floor = np.clip(1 - self.choreography.feet[side].position[:, 1] / 0.15, 0, 1)
            excess = np.maximum(excess, on_floor * (way[:, 1] - np.sqrt(most**2 - level**2)))
        fps = self.choreography.fps
        return gaussian_filter1d(maximum_filter1d(excess, 2 * round(0.08 * fps) + 1), 0.04 * fps, mode="nearest")

    def _bend_knee(self, side: str, hip: np.ndarray, ankle: np.ndarray) -> None:
        s = side[0]
        thigh, shin = self.bone(f"thigh_{s}"), self.bone(f"calf_{s}", f"foot_{s}")
        upper, lower = np.linalg.norm(thigh), np.linalg.norm(shin)
        way = ankle - hip
        length = np.minimum(np.linalg.norm(way, axis=-1), REACH * (upper + lower))
        way = unit(way)
        hinge = self._knee_axis(side)
        hinge = unit(hinge - way * (hinge * way).sum(-1, keepdims=True))
        ahead = np.cross(way, hinge)
        cosine = np.clip((upper**2 + length**2 - lower**2) / (2 * upper * length), -1, 1)[:, None]
        knee = hip + upper * (way * cosine + ahead * np.sqrt(1 - cosine**2))
        reached = hip + way * length[:, None]
        for name, up, rest in ((f"thigh_{s}", hip - knee, thigh), (f"calf_{s}", knee - reached, shin)):
            up = unit(up)
            self.set(name, np.stack([hinge, up, np.cross(hinge, up)], -1) @ _least(rest, DOWN))

    def _knee_axis(self, side: str) -> np.ndarray:
        """(T, 3) about which a knee bends: across a direction between the pelvis's front and the toes."""
        front = self.of("pelvis")[:, :, 2]
        pelvis_yaw = np.arctan2(front[:, 0], front[:, 2])
        turn = self.choreography.feet[side].yaw - pelvis_yaw
        yaw = pelvis_yaw + 0.6 * np.arctan2(np.sin(turn), np.cos(turn))
        return np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], -1)

    # ---- arms ----

    def arm(self, side: str) -> None:
        """Rotations of collar bone, arm and hand as the choreography has them."""
        s, rest = side[0], self.arms[side]
        chest = self.of("spine_03")
        upper, fore, hand = (self.choreography.rotations[f"{side}_{part}"] for part in ("arm", "forearm", "hand"))
        towards = turned(chest.swapaxes(1, 2) @ upper, DOWN)
        raised = np.degrees(np.arccos(np.clip(-towards[:, 1], -1, 1)))
        shrug = 0.24 * 25 * np.log1p(np.exp((raised - 45) / 25))
        protract = 10 * towards[:, 2] * np.sin(np.radians(raised))
        turn = np.stack([np.zeros_like(shrug), -sign(side) * protract, sign(side) * shrug], -1)
        self.set(f"clavicle_{s}", chest @ Rotation.from_rotvec(turn, degrees=True).as_matrix())
        self.set(f"upperarm_{s}", upper @ rest.upper)
        self.set(f"lowerarm_{s}", fore @ rest.fore)
        self.set(f"hand_{s}", hand @ rest.fore)

    def free_arms(self) -> None:
        """Push the arms out of the body and turn their bones to where elbow and wrist are then."""
        arms = tuple(self._in_space(side) for side in SIDES)
        before = [(arm.elbow - arm.shoulder, arm.wrist - arm.elbow) for arm in arms]
        keep_out(arms, Obstacles(self.body, self.rotations, self.positions), self.choreography.fps)
        for side, arm, (upper, fore) in zip(SIDES, arms, before):
            s = side[0]
            bent = _least_each(fore, arm.wrist - arm.elbow)
            self.set(f"lowerarm_{s}", bent @ self.of(f"lowerarm_{s}"))
            self.set(f"hand_{s}", bent @ self.of(f"hand_{s}"))
            self.set(f"upperarm_{s}", _least_each(upper, arm.elbow - arm.shoulder) @ self.of(f"upperarm_{s}"))
            self._align_elbow(side)

    def _in_space(self, side: str) -> ArmInSpace:
        s, rest = side[0], self.arms[side]
        return ArmInSpace(
            shoulder=self.at(f"upperarm_{s}").copy(),
            elbow=self.at(f"lowerarm_{s}").copy(),
            wrist=self.at(f"hand_{s}").copy(),
            hand=turned(self.of(f"hand_{s}"), rest.hand),
            thickness=rest.thickness(self.body, side),
        )

    def _align_elbow(self, side: str) -> None:
        """Roll the upper arm about itself so that the elbow, where it is bent, bends about its own hinge."""
        s, rest = side[0], self.arms[side]
        upper = self.of(f"upperarm_{s}") @ rest.upper.T
        fore = turned(upper.swapaxes(1, 2) @ self.of(f"lowerarm_{s}") @ rest.fore.T, DOWN)
        bend = np.hypot(fore[:, 0], fore[:, 2])
        share = np.clip((bend - 0.12) / 0.3, 0, 1)
        roll = np.arctan2(fore[:, 0], fore[:, 2]) * share**2 * (3 - 2 * share)
        self.set(f"upperarm_{s}", upper @ Rotation.from_euler("Y", roll[:, None]).as_matrix() @ rest.upper)

    def fingers(self, side: str) -> None:
        """Bend the fingers: a little at rest, fully in a fist."""
        s, rest = side[0], self.arms[side]
        fist = self.choreography.fists[:, SIDES.index(side)]
        for finger in ("index", "middle", "ring", "pinky", "thumb"):
            parent = self.of(f"hand_{s}")
            for joint, curl in (THUMB_CURL if finger == "thumb" else CURL).items():
                axis = rest.thumb_axis if finger == "thumb" else rest.curl_axis
                parent = parent @ Rotation.from_rotvec(fist[:, None] * curl * axis, degrees=True).as_matrix()
                self.set(f"{finger}_{joint}_{s}", parent)


# ---- the rest pose of an arm ----


@dataclass(frozen=True)
class _ArmRest:
    """How an arm's rest pose differs from the canonical one, in which it hangs straight.

    `upper` and `fore` (3, 3) turn the bones of the rest pose into the canonical pose; `hand` (3,) is from wrist to hand's
    centre, `curl_axis` and `thumb_axis` (3,) are what fingers curl about, all in the rest pose.
    """

    upper: np.ndarray
    fore: np.ndarray
    hand: np.ndarray
    curl_axis: np.ndarray
    thumb_axis: np.ndarray

    def thickness(self, body: Body, side: str) -> tuple[float, float, float, float, float]:
        """Radii at elbow, middle of the forearm, wrist, hand's centre and fingers, metres."""
        s, head = side[0], body.skeleton.head
        index = body.skeleton.index
        elbow, wrist = head[index(f"lowerarm_{s}")], head[index(f"hand_{s}")]
        own = body.vertices[:BODY_VERTICES][body.weights[:BODY_VERTICES, index(f"lowerarm_{s}")] > 0.5]
        along = (own - elbow) @ (wrist - elbow) / ((wrist - elbow) @ (wrist - elbow))
        off = np.linalg.norm(own - elbow - along[:, None] * (wrist - elbow), axis=1)
        middle, end = (float(np.median(off[np.abs(along - place) < 0.12])) for place in (0.5, 0.95))
        return 1.1 * middle, middle, end, 0.9 * end, 0.5 * end


def _arm_rest(skeleton: Skeleton, side: str) -> _ArmRest:
    s = side[0]

    def head(name: str) -> np.ndarray:
        return skeleton.head[skeleton.index(f"{name}_{s}")]

    upper_bone, fore_bone = head("lowerarm") - head("upperarm"), head("hand") - head("lowerarm")
    upper = _least(upper_bone, DOWN)
    bent = upper @ fore_bone
    # The rest pose bends the elbow: that plane is where its hinge is, and canonical elbows bend to the front.
    upper = Rotation.from_euler("Y", -np.arctan2(bent[0], bent[2])).as_matrix() @ upper
    fore = _least(upper @ fore_bone, DOWN) @ upper
    knuckles = head("index_01") - head("pinky_01")
    fingers = head("middle_03") - head("middle_01")
    palm = unit(np.cross(fingers, knuckles)) * sign(side)
    return _ArmRest(
        upper=upper,
        fore=fore,
        hand=0.5 * (head("middle_01") + head("pinky_01")) - head("hand"),
        curl_axis=unit(np.cross(fingers, palm)),
        thumb_axis=unit(np.cross(head("thumb_03") - head("thumb_01"), head("pinky_01") - head("thumb_03"))),
    )


# ---- rotations ----


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """(T, 3, 3) rotations that have gone a share of the way from a to b."""
    turn = Rotation.from_matrix(a.swapaxes(1, 2) @ b).as_rotvec()
    return a @ Rotation.from_rotvec(share * turn).as_matrix()


def _least(v: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(3, 3), the smallest rotation that turns one direction to another."""
    return _least_each(v[None], to[None])[0]


def _least_each(v: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(T, 3, 3), the smallest rotations that turn (T, 3) directions to others."""
    v, to = unit(v), unit(to)
    axis = np.cross(v, to)
    sine, cosine = np.linalg.norm(axis, axis=-1), (v * to).sum(-1)
    return Rotation.from_rotvec(unit(axis) * np.arctan2(sine, cosine)[:, None]).as_matrix()
