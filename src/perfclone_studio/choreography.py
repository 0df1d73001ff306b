"""What the performers do: stretches, boxing, walking, waving, dancing and the kits of Figures 4 and 5, for any body.

A choreography is procedural and seeded. Routines write a `Score` in the paper's capture protocol; `choreograph` lets a body
follow it as bodies do, hips over the feet that stand, the chest after the hips, the head ahead of a turn, the arms against the
legs, and samples the result at any frame rate. Lengths are in leg lengths (hip joint to ankle), so that it fits everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from .routines import HANG, POSES, ROUTINES, TRUNK, take_pose
from .score import CLOCK, SIDES, Score, delayed, sign, smooth

CANONICAL = ("pelvis", "chest", "head") + tuple(f"{side}_{part}" for side in SIDES for part in ("arm", "forearm", "hand"))
"""The joints whose rotations a choreography gives; legs follow from the feet. All are 1 for somebody who stands upright, faces
the camera and lets the arms hang, palms to the thighs."""


@dataclass(frozen=True)
class Segment:
    """A part of a performance.

    Attributes:
        name: one of `ROUTINES`, or one of `POSES`, which is taken up and held.
        seconds: how long.
    """

    name: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Foot:
    """The path of one foot.

    Attributes:
        position: (T, 3) float64 leg lengths, where the ankle is above the floor if the foot is flat; y is 0 on the floor.
        yaw: (T,) float64 radians, where the toes point, 0 to the camera, growing to the performer's left.
        pitch: (T,) float64 radians, positive with the heel up, about the ball; negative with the toes up, about the heel.
        planted: (T,) bool, whether the foot is flat on the floor and still.
    """

    position: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    planted: np.ndarray


@dataclass(frozen=True, eq=False)
class Choreography:
    """A motion of T frames that any body can perform.

    Attributes:
        fps: frames a second.
        rotations: name in `CANONICAL` → (T, 3, 3) float64 global rotations, performer's canonical pose to world.
        pelvis: (T, 3) float64 leg lengths, how far the pelvis is from where it is when standing in the middle.
        feet: "left", "right" → the path of that foot.
        fists: (T, 2) float64, how far the left and the right hand are closed, from 0, open, to 1, a fist.
        segments: (name, first frame, last frame) of each, both inclusive.
    """

    fps: float
    rotations: dict[str, np.ndarray]
    pelvis: np.ndarray
    feet: dict[str, Foot]
    fists: np.ndarray
    segments: tuple[tuple[str, int, int], ...]

    def __len__(self) -> int:
        return len(self.pelvis)


def choreograph(segments: Sequence[Segment], fps: float, seed: int) -> Choreography:
    """Make up a motion.

    Args:
        segments: what is done, in this order.
        fps: frames a second. The motion in seconds does not depend on it.
        seed: another one gives other motion, the same one the same bits.

    Raises:
        ValueError: a segment has an unknown name or does not last.
    """
    for segment in segments:
        if segment.name not in ROUTINES and segment.name not in POSES:
            raise ValueError(f"there is no segment {segment.name!r}; there are {', '.join([*ROUTINES, *POSES])}")
        if not segment.seconds > 0:
            raise ValueError(f"segment {segment.name!r} lasts {segment.seconds} seconds")
    ends = np.cumsum([segment.seconds for segment in segments])
    score = Score(float(ends[-1]))
    for side in SIDES:
        for name, aim in HANG.channels().items():
            score.set(f"{side}.{name}", aim)
        score.set(f"{side}.fist", 0.15)
    for index, (segment, end) in enumerate(zip(segments, ends)):
        if segment.name in POSES:
            take_pose(score, float(end), POSES[segment.name])
        else:
            ROUTINES[segment.name](score, float(end), np.random.default_rng([seed, index]))
    still = all(segment.name in POSES for segment in segments)
    _live(score, np.random.default_rng([seed, len(segments)]), 0.0 if still else 1.0)
    frames = np.rint(np.array([0, *ends]) * fps).astype(int)
    named = tuple((segment.name, int(a), int(b) - 1) for segment, a, b in zip(segments, frames, frames[1:]))
    return _perform(score, np.arange(frames[-1]) / fps, fps, named)


def _live(score: Score, rng: np.random.Generator, liveliness: float) -> None:
    """Breathing, and that nobody is ever quite still."""
    breath = 0.27
    score.channels["chest.pitch"] -= 0.7 * np.sin(2 * np.pi * breath * score.times)
    for channel, deviation, seconds in (
        ("pelvis.x", 0.006, 0.9), ("pelvis.z", 0.005, 0.9), ("pelvis.yaw", 1.2, 0.8), ("chest.yaw", 1.2, 0.7), ("chest.roll", 0.9, 0.8),
        ("chest.pitch", 0.9, 0.8), ("head.yaw", 3.0, 0.6), ("head.pitch", 2.0, 0.6), ("head.roll", 1.5, 0.6),
    ):  # fmt: skip
        score.wander(channel, liveliness * deviation, seconds, rng)
    for side in SIDES:
        score.channels[f"{side}.side"] += 0.5 * np.sin(2 * np.pi * breath * score.times)
        for channel, deviation in (
            ("side", 1.2),
            ("front", 1.2),
            ("twist", 2.0),
            ("elbow", 1.5),
            ("wrist", 3.0),
            ("roll", 3.0),
        ):
            score.wander(f"{side}.{channel}", liveliness * deviation, 0.5, rng)


def _perform(score: Score, times: np.ndarray, fps: float, segments: tuple[tuple[str, int, int], ...]) -> Choreography:
    """Let a body follow the score, and sample it."""
    channel = {name: score.sampled(name) for name in list(score.channels)}
    path = _Path(score, channel)

    def sample(signal: np.ndarray) -> np.ndarray:
        return np.interp(times * CLOCK, np.arange(score.ticks), signal)

    trunk = {
        part: _turned(*(sample(angle) for angle in angles)) for part, angles in _trunk_angles(score, channel, path).items()
    }
    rotations = dict(trunk)
    for side in SIDES:
        arm = {name: sample(signal) for name, signal in _arm_angles(channel, path, side).items()}
        for part, rotation in zip(("arm", "forearm", "hand"), _arm_rotations(arm, side)):
            rotations[f"{side}_{part}"] = trunk["chest"] @ rotation
    return Choreography(
        fps=fps,
        rotations=rotations,
        pelvis=np.stack([sample(axis) for axis in path.pelvis], -1),
        feet={side: _foot(score, channel, path, side, times, sample) for side in SIDES},
        fists=np.clip(np.stack([sample(channel[f"{side}.fist"]) for side in SIDES], -1), 0, 1),
        segments=segments,
    )


class _Path:
    """How the body goes with its feet: where the pelvis is and where it faces, at every tick of the clock."""

    def __init__(self, score: Score, channel: dict[str, np.ndarray]) -> None:
        swinging = {side: score.swinging[side].astype(float) for side in SIDES}
        airborne = smooth(swinging["left"] - swinging["right"], 0.11)
        left = 0.5 * (1 - 0.42 * airborne + channel.get("weight", 0.0))
        shares = {"left": left, "right": 1 - left}

        def middle(name: str) -> np.ndarray:
            return smooth(sum(shares[side] * channel[f"{side}.{name}"] for side in SIDES), 0.11)

        self.airborne = airborne
        self.yaw = smooth(0.5 * (channel["left.yaw"] + channel["right.yaw"]), 0.12)
        s, c = np.sin(np.radians(self.yaw)), np.cos(np.radians(self.yaw))
        self.left, self.forward = np.stack([c, -s]), np.stack([s, c])
        apart = np.stack([channel[f"left.{name}"] - channel[f"right.{name}"] for name in "xz"])
        self.stride = smooth((apart * self.forward).sum(0), 0.05) * channel.get("stride", 0.0)
        own = [channel.get(f"pelvis.{name}", 0.0) for name in "xz"]
        x, z = np.stack([middle("x"), middle("z")]) + own[0] * self.left + own[1] * self.forward
        self.pelvis = x, channel.get("pelvis.y", np.zeros(score.ticks)) + 0.003, z


def _trunk_angles(score: Score, channel: dict[str, np.ndarray], path: _Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Yaw, pitch and roll of pelvis, chest and head at every tick, degrees: each follows the one below a little later."""
    get = {name: channel.get(name, np.zeros(score.ticks)) for name in TRUNK}
    hips = get["pelvis.yaw"] - 9 * path.stride
    pelvis = (path.yaw + hips, get["pelvis.pitch"], get["pelvis.roll"] - 3.0 * path.airborne)
    chest = (
        delayed(path.yaw, 0.05) + delayed(0.6 * get["pelvis.yaw"], 0.06) + 5 * delayed(path.stride, 0.04) + get["chest.yaw"],
        delayed(get["pelvis.pitch"], 0.05) + get["chest.pitch"] + 1.5 * abs(path.stride),
        delayed(-0.35 * get["pelvis.roll"], 0.06) + get["chest.roll"],
    )
    ahead = delayed(path.yaw, -0.16)
    turned = get["head.yaw"] + (ahead - path.yaw) + 0.35 * delayed(get["chest.yaw"], 0.08)
    head = (
        chest[0] + 62 * np.tanh((path.yaw + turned - chest[0]) / 62),
        0.4 * delayed(chest[1], 0.07) + get["head.pitch"],
        0.4 * delayed(chest[2], 0.08) + get["head.roll"],
    )
    return {"pelvis": pelvis, "chest": chest, "head": head}


def _arm_angles(channel: dict[str, np.ndarray], path: _Path, side: str) -> dict[str, np.ndarray]:
    """The channels of one arm, and what the rest of the body does to it: it swings against the legs, the hand trails."""
    arm = {name: channel[f"{side}.{name}"] for name in HANG.channels()}
    swing = -sign(side) * delayed(path.stride, 0.06)
    turning = smooth(np.abs(np.gradient(path.yaw)) * CLOCK / 100, 0.15)
    elevation = np.hypot(arm["side"], arm["front"])
    trailing = -0.05 * smooth(np.gradient(elevation), 0.05) * CLOCK
    return {
        "side": arm["side"] + 5 * turning,
        "front": arm["front"] + 34 * swing + 4 * np.abs(path.stride),
        "twist": arm["twist"],
        "elbow": np.clip(arm["elbow"] + 14 * np.clip(swing, 0, None) + 6 * np.abs(path.stride), 2, 142),
        "wrist": arm["wrist"] + 35 * np.tanh(trailing / 35),
        "roll": arm["roll"],
    }


def _turned(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """(T,) degrees three times → (T, 3, 3): roll first, then pitch (positive bends forward), then yaw (positive to the left)."""
    return Rotation.from_euler("YXZ", np.stack([yaw, pitch, roll], -1), degrees=True).as_matrix()


def _arm_rotations(arm: dict[str, np.ndarray], side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, 3, 3) rotations of upper arm, forearm and hand relative to the chest; made for the left arm, mirrored for the right."""
    zero = np.zeros_like(arm["side"])
    upper = Rotation.from_rotvec(np.stack([-arm["front"], zero, arm["side"]], -1), degrees=True)
    upper *= Rotation.from_euler("Y", arm["twist"][:, None], degrees=True)
    fore = upper * Rotation.from_euler("X", -arm["elbow"][:, None], degrees=True)
    hand = fore * Rotation.from_euler("YZ", np.stack([arm["roll"], -arm["wrist"]], -1), degrees=True)
    mirror = np.diag([sign(side), 1.0, 1.0])
    return tuple(mirror @ rotation.as_matrix() @ mirror for rotation in (upper, fore, hand))


def _foot(score: Score, channel: dict, path: _Path, side: str, times: np.ndarray, sample: Callable) -> Foot:
    reach = [channel.get(f"{side}.reach.{axis}", np.zeros(score.ticks)) for axis in "xyz"]
    x, z = np.stack([channel[f"{side}.{axis}"] for axis in "xz"]) + reach[0] * path.left + reach[2] * path.forward
    height = channel.get(f"{side}.lift", 0.0) + reach[1]
    pitch = channel.get(f"{side}.pitch", np.zeros(score.ticks))
    ticks = np.rint(times * CLOCK).astype(int)
    return Foot(
        position=np.stack([sample(axis) for axis in (x, height, z)], -1),
        yaw=np.radians(sample(channel[f"{side}.yaw"])),
        pitch=np.radians(sample(pitch)),
        planted=score.planted[side][ticks],
    )
