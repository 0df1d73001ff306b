"""Routines: what performers do, written into a `Score` with moves, steps and swings, at random but with a seed.

Stretches, boxing, walking, waving and dancing are what the paper's reference videos show (Sec. 5); two more make the single-arm
training sets of Figures 4 and 5. Angles are in degrees, lengths in leg lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .score import CLOCK, SIDES, STANCE, TOES_OUT, Score, beats, sign

STAGE = 0.66
"""Walking leads no farther from the middle of the stage, in leg lengths along x and z."""


@dataclass(frozen=True)
class Arm:
    """How one arm is held, relative to the chest, in degrees.

    Attributes:
        elevation: of the upper arm, 0 hanging, 90 level, 180 up.
        azimuth: where it is raised to, 0 to its own side, 90 to the front, negative to the back.
        twist: of the upper arm about itself; a bent forearm then turns outwards, or up in a level arm.
        elbow: 0 straight.
        wrist: bent towards the palm.
        roll: of the hand about the forearm.
    """

    elevation: float
    azimuth: float
    twist: float = 0.0
    elbow: float = 10.0
    wrist: float = 0.0
    roll: float = 0.0

    def channels(self) -> dict[str, float]:
        """The arm's channels in a score. The swing is a vector, to the side and to the front, so that no direction is special."""
        azimuth = np.radians(self.azimuth)
        return {
            "side": self.elevation * float(np.cos(azimuth)),
            "front": self.elevation * float(np.sin(azimuth)),
            "twist": self.twist,
            "elbow": self.elbow,
            "wrist": self.wrist,
            "roll": self.roll,
        }


HANG = Arm(8, 15, 0, 14)
"""A relaxed arm."""

ARMS = {
    "low": Arm(32, 5, 0, 18),
    "back": Arm(30, -60, 0, 25),
    "akimbo": Arm(46, -4, -66, 98, 12),
    "disco": Arm(40, 85, -50, 60),
    "running": Arm(25, -50, 0, 95),
    "side": Arm(90, 5, 0, 8),
    "goal": Arm(90, 5, 80, 90),
    "scarecrow": Arm(82, 5, -75, 85),
    "wing": Arm(70, 0, -35, 125),
    "biceps": Arm(78, 10, 75, 110),
    "push": Arm(80, 55, 0, 50, -50),
    "front": Arm(85, 80, 0, 8),
    "robot": Arm(45, 85, 0, 90),
    "lifted": Arm(118, 70, 0, 18),
    "folded": Arm(72, 70, -70, 95),
    "across": Arm(70, 105, -45, 40),
    "pray": Arm(55, 70, -35, 115),
    "v": Arm(140, 10, 10, 10),
    "point": Arm(142, 30, 0, 4),
    "up": Arm(165, 25, 0, 8),
    "crown": Arm(142, 15, 70, 75),
    "behind_head": Arm(128, 5, 95, 128),
    "salute": Arm(80, 35, 55, 138),
    "shoulder": Arm(60, 40, 10, 138),
    "chin": Arm(105, 45, -35, 120),
    "low_front": Arm(35, 70, 0, 30),
}
"""Arm positions that dances and stretches are made of."""

LEVEL = Arm(90, 4, 0, 5)
RAISED = Arm(168, 84, 0, 5)

POSES: dict[str, tuple[Arm, Arm]] = {
    "left-arm-up": (RAISED, HANG),
    "right-arm-up": (HANG, RAISED),
    "both-arms-up": (RAISED, RAISED),
    "left-arm-out": (LEVEL, HANG),
    "right-arm-out": (HANG, LEVEL),
    "both-arms-out": (LEVEL, LEVEL),
}
"""Single poses, left and right arm. Figure 5's driving poses (a)-(d) are "left-arm-up", "right-arm-up", "both-arms-up" and
"both-arms-out"; those of the control, with the roles exchanged, are "left-arm-out", "right-arm-out", "both-arms-out" and
"both-arms-up"."""


# ---- writing a score ----


def hold(score: Score, side: str, arm: Arm, seconds: float, at: float | None = None) -> None:
    """Bring an arm into a position in so many seconds."""
    for name, aim in arm.channels().items():
        score.move(f"{side}.{name}", aim, seconds, at)


def both(score: Score, arm: Arm, seconds: float, at: float | None = None) -> None:
    """Bring both arms into a position."""
    for side in SIDES:
        hold(score, side, arm, seconds, at)


def bend(score: Score, seconds: float, at: float | None = None, **aims: float) -> None:
    """Move channels of the trunk; `chest_pitch=20` means `chest.pitch`."""
    for name, aim in aims.items():
        score.move(name.replace("_", "."), aim, seconds, at)


def varied(arm: Arm, rng: np.random.Generator, degrees: float) -> Arm:
    """A position like this one, never the same."""
    elevation, azimuth, twist, elbow, wrist, roll = degrees * rng.standard_normal(6)
    return Arm(
        float(np.clip(arm.elevation + elevation, 4, 170)),
        float(np.clip(arm.azimuth + azimuth, -70, 115)),
        float(np.clip(arm.twist + twist, -85, 95)),
        float(np.clip(arm.elbow + 1.2 * elbow, 3, 138)),
        float(np.clip(arm.wrist + wrist, -50, 50)),
        float(np.clip(arm.roll + 1.5 * roll, -45, 45)),
    )


TRUNK = ("pelvis.x", "pelvis.y", "pelvis.z", "pelvis.yaw", "pelvis.pitch", "pelvis.roll", "weight") + tuple(
    f"{part}.{turn}" for part in ("chest", "head") for turn in ("yaw", "pitch", "roll")
)

"""The channels of the trunk, all 0 when standing upright."""


def relax(score: Score, seconds: float) -> None:
    """Let the arms hang and straighten up, from now on and without waiting for it."""
    both(score, HANG, seconds)
    for channel in TRUNK:
        score.move(channel, 0.0, seconds)
    for side in SIDES:
        score.move(f"{side}.fist", 0.15, seconds)


def stand(
    score: Score,
    x: float = 0.0,
    z: float = 0.0,
    heading: float = 0.0,
    spread: float = STANCE,
    stagger: float = 0.0,
    toes: float = TOES_OUT,
    pace: float = 0.55,
) -> None:
    """Take as many steps as it needs to stand at a place, then wait until it is done.

    Args:
        score: is written from now on.
        x, z: where to, in leg lengths.
        heading: in degrees; any whole turn is as good.
        spread: how far each foot is from the middle.
        stagger: how far the left foot is in front of the middle, and the right foot behind it.
        toes: how far the feet turn out, in degrees.
        pace: seconds a step.
    """
    if np.hypot(x - score.ground.x, z - score.ground.z) > 0.4:
        walk_to(score, x, z, pace)
    heading = score.ground.heading + _turn(score.ground.heading, heading)
    while abs(heading - score.ground.heading) > 1:
        _step_round(score, heading, pace)
    to_left = (x - score.ground.x) * np.cos(np.radians(heading)) - (z - score.ground.z) * np.sin(np.radians(heading))
    score.ground.x, score.ground.z = x, z
    for side in SIDES if to_left > 0 else SIDES[::-1]:
        left, forward = sign(side) * spread, sign(side) * stagger
        goal = np.array([*score.ground.at(left, forward), score.ground.heading + sign(side) * toes])
        off = goal - [score.aims[f"{side}.{name}"] for name in ("x", "z", "yaw")]
        if np.hypot(*off[:2]) > 0.01 or abs(off[2]) > 4:
            score.step(side, left, forward, 0.7 * pace, lift=0.04, toes=toes)
            score.now += pace


def walk_to(score: Score, x: float, z: float, pace: float, stride: float = 0.55) -> None:
    """Walk to a place, turning towards it on the way; the last step does not bring the feet together yet."""
    for _ in range(20):
        way = np.array([x - score.ground.x, z - score.ground.z])
        if (distance := float(np.hypot(*way))) < 0.12:
            return
        turn = _turn(score.ground.heading, np.degrees(np.arctan2(*way)))
        side = _free_foot(score, turn)
        most = 62 if turn * sign(side) > 0 else 38
        now = float(np.clip(turn, -most, most))
        score.ground.heading += now
        ahead = min(stride, distance) * max(0.0, np.cos(np.radians(turn - now))) * (1 - 0.7 * abs(now) / 62)
        if abs(turn - now) > 70:
            ahead = 0.0
        score.ground.x, score.ground.z = score.ground.at(0.0, ahead)
        score.step(side, sign(side) * 0.8 * STANCE, 0.35 * ahead, 0.74 * pace, lift=0.05)
        score.now += pace


def _step_round(score: Score, heading: float, pace: float) -> None:
    """One step of turning on the spot."""
    turn = heading - score.ground.heading
    side = _free_foot(score, turn)
    most = 62 if turn * sign(side) > 0 else 38
    score.ground.heading += float(np.clip(turn, -most, most))
    score.step(side, sign(side) * STANCE, 0.0, 0.74 * pace, lift=0.05)
    score.now += pace


def _free_foot(score: Score, turn: float) -> str:
    """The foot to step with, which is the one that did not step last; when both have stood for a while, the one on the turn's side."""
    ticks = slice(max(0, round((score.now - 1.0) * CLOCK)), round(score.now * CLOCK) + 1)
    last = {side: np.flatnonzero(score.swinging[side][ticks]).max(initial=-1) for side in SIDES}
    if last["left"] == last["right"]:
        return "left" if turn > 0 else "right"
    return min(last, key=last.get)


def _turn(heading: float, aim: float) -> float:
    """The shortest turn from one heading to another, in degrees."""
    return float((aim - heading + 180) % 360 - 180)


# ---- stretches ----


def _stretch(score: Score, until: float, rng: np.random.Generator) -> None:
    relax(score, 1.0)
    stand(score, spread=0.17)
    exercises = _shuffled(_EXERCISES, rng)
    while score.now < until - 6.5:
        next(exercises)(score, rng)
        relax(score, 0.9)
        score.now += rng.uniform(0.5, 0.9)
    if score.now < until - 4.6:
        _reach_up(score, rng)
        relax(score, 0.9)
    score.now = max(score.now, until)


def _shuffled(ways: Sequence[Callable], rng: np.random.Generator) -> Iterator[Callable]:
    """All of them, without end, in an order that is another one each time round."""
    while True:
        yield from (ways[index] for index in rng.permutation(len(ways)))


def _some_side(rng: np.random.Generator) -> tuple[str, str]:
    return SIDES if rng.random() < 0.5 else SIDES[::-1]


def _reach_up(score: Score, rng: np.random.Generator) -> None:
    both(score, varied(ARMS["up"], rng, 5), 1.2)
    bend(score, 1.3, chest_pitch=-8, head_pitch=-15)
    score.now += 1.6
    for side in _some_side(rng):
        bend(score, 0.8, chest_roll=-8 * sign(side), pelvis_x=0.05 * sign(side))
        score.move(f"{side}.elbow", 3, 0.7)
        score.now += 1.0


def _side_bend(score: Score, rng: np.random.Generator) -> None:
    for side in _some_side(rng):
        other = SIDES[side == "left"]
        hold(score, side, varied(ARMS["crown"], rng, 6), 1.1)
        hold(score, other, varied(ARMS["akimbo"], rng, 4), 1.0)
        angle = rng.uniform(22, 32) * sign(side)
        bend(score, 1.2, 0.3 + score.now, chest_roll=angle, pelvis_x=0.07 * sign(side), pelvis_roll=-0.2 * angle)
        score.now += rng.uniform(1.9, 2.6)


def _twist(score: Score, rng: np.random.Generator) -> None:
    both(score, varied(ARMS[rng.choice(["akimbo", "folded", "side"])], rng, 5), 0.9)
    score.now += 0.8
    for side in _some_side(rng) * int(rng.integers(1, 3)):
        bend(score, 0.9, chest_yaw=sign(side) * rng.uniform(35, 48), pelvis_yaw=12 * sign(side), head_yaw=15 * sign(side))
        score.now += rng.uniform(1.0, 1.3)


def _forward_bend(score: Score, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        both(score, varied(ARMS["up"], rng, 5), 1.0)
        score.now += 1.1
    depth = rng.uniform(0.75, 1.0)
    both(score, varied(Arm(95, 86, 0, 8), rng, 3), 1.6)
    bend(score, 1.7, pelvis_pitch=40 * depth, chest_pitch=42 * depth, head_pitch=10, pelvis_z=-0.16 * depth, pelvis_y=-0.02)
    score.now += rng.uniform(2.2, 3.0)
    bend(score, 1.6, pelvis_pitch=0, chest_pitch=0, head_pitch=0, pelvis_z=0, pelvis_y=0)
    both(score, HANG, 1.7)
    score.now += 1.0


def _arm_circles(score: Score, rng: np.random.Generator) -> None:
    both(score, varied(ARMS["side"], rng, 3), 0.9)
    score.now += 0.8
    start, stop, period = score.now, score.now + rng.uniform(3.0, 4.2), rng.uniform(0.9, 1.2)
    for side in SIDES:
        score.swing(f"{side}.side", 16, period, start, stop)
        score.swing(f"{side}.front", 20, period, start, stop, 0.25)
    score.now = stop


def _arm_across(score: Score, rng: np.random.Generator) -> None:
    for side in _some_side(rng):
        other = SIDES[side == "left"]
        hold(score, side, varied(Arm(84, 108, -20, 12), rng, 3), 1.0)
        hold(score, other, varied(Arm(66, 72, -20, 118), rng, 3), 1.0)
        bend(score, 1.1, chest_yaw=-10 * sign(side), head_yaw=18 * sign(side))
        score.now += rng.uniform(1.8, 2.4)
        relax(score, 0.8)
        score.now += 0.5


def _lunge(score: Score, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.30, 0.36)
    stand(score, spread=wide, toes=18)
    both(score, varied(ARMS[rng.choice(["akimbo", "front", "side"])], rng, 4), 0.9)
    score.now += 0.6
    for side in _some_side(rng):
        bend(score, 1.1, weight=0.75 * sign(side), pelvis_y=-0.17, chest_pitch=8, chest_roll=-4 * sign(side))
        score.now += rng.uniform(1.4, 1.8)
    relax(score, 1.0)
    score.now += 0.8
    stand(score, spread=0.17)


def _squats(score: Score, rng: np.random.Generator) -> None:
    both(score, varied(HANG, rng, 2), 0.6)
    for _ in range(int(rng.integers(2, 4))):
        deep, down = rng.uniform(0.20, 0.32), rng.uniform(0.9, 1.2)
        both(score, varied(ARMS["front"], rng, 4), down)
        bend(score, down, pelvis_y=-deep, pelvis_z=-0.45 * deep, pelvis_pitch=60 * deep, chest_pitch=35 * deep)
        score.now += down + 0.15
        bend(score, down, pelvis_y=0, pelvis_z=0, pelvis_pitch=0, chest_pitch=0)
        both(score, HANG, down)
        score.now += down + 0.1


def _knee_lift(score: Score, rng: np.random.Generator) -> None:
    both(score, varied(ARMS[rng.choice(["akimbo", "side", "goal"])], rng, 4), 0.8)
    score.now += 0.5
    for side in _some_side(rng):
        bend(score, 0.6, weight=-0.8 * sign(side))
        score.now += 0.35
        score.kick(side, -0.03 * sign(side), rng.uniform(0.38, 0.5), 0.22, 1.9, 25)
        score.now += 1.8
    bend(score, 0.6, weight=0)


def _neck(score: Score, rng: np.random.Generator) -> None:
    both(score, varied(ARMS["akimbo"], rng, 4), 0.8)
    for turn in rng.permutation(["yaw", "roll", "pitch"])[:2]:
        for way in (1, -1):
            score.move(f"head.{turn}", way * {"yaw": 45, "roll": 24, "pitch": 22}[turn], 0.9)
            score.now += 1.1
        score.move(f"head.{turn}", 0, 0.8)
        score.now += 0.4


_EXERCISES = (_reach_up, _side_bend, _twist, _forward_bend, _arm_circles, _arm_across, _lunge, _squats, _knee_lift, _neck)


# ---- boxing ----

GUARD = Arm(42, 55, -12, 132, 0, -20)
PUNCHES = {
    "jab": (Arm(95, 76, -18, 6, 0, -45), 0.21),
    "body": (Arm(66, 78, -15, 14, 0, -45), 0.23),
    "hook": (Arm(86, 54, -60, 84), 0.25),
    "uppercut": (Arm(68, 70, -8, 88, 0, 30), 0.24),
}
"""Where each punch brings the arm, and in how many seconds."""


def _box(score: Score, until: float, rng: np.random.Generator) -> None:
    lead = "left" if rng.random() < 0.7 else "right"
    turned = -28 * sign(lead)
    relax(score, 0.8)
    _on_guard(score, rng, turned, lead)
    while score.now < until - 4.0:
        start = score.now
        for _ in range(int(rng.integers(1, 5))):
            _punch(score, rng, lead)
        if rng.random() < 0.45:
            _dodge(score, rng)
        score.now += rng.uniform(0.25, 0.8)
        for side in SIDES:
            hold(score, side, varied(GUARD, rng, 4), 0.4)
        score.swing("pelvis.y", 0.012, rng.uniform(0.42, 0.5), start, score.now)
        if rng.random() < 0.5:
            turned = float(np.clip(turned + rng.uniform(-45, 45), -65, 65))
            _on_guard(score, rng, turned, lead)
    relax(score, 0.8)
    score.now = max(score.now, until)


def _on_guard(score: Score, rng: np.random.Generator, heading: float, lead: str) -> None:
    for side in SIDES:
        hold(score, side, varied(GUARD, rng, 4), 0.6)
        score.move(f"{side}.fist", 1.0, 0.5)
    bend(score, 0.7, chest_pitch=9, head_pitch=-2, pelvis_y=-0.035, pelvis_pitch=4)
    x, z = rng.uniform(-0.12, 0.12, 2)
    stand(score, x, z, heading, 0.155, 0.17 * sign(lead), 18, 0.36)


def _punch(score: Score, rng: np.random.Generator, lead: str) -> None:
    side = lead if rng.random() < 0.55 else SIDES[lead == "left"]
    name = rng.choice(list(PUNCHES), p=[0.5, 0.14, 0.22, 0.14])
    arm, seconds = PUNCHES[name]
    seconds *= rng.uniform(0.9, 1.15)
    power = rng.uniform(0.8, 1.15) * (0.6 if side == lead else 1.0) * (1.3 if name == "hook" else 1.0)
    into = -sign(side) * power
    dip = 0.05 if name in ("body", "uppercut") else 0.015
    hold(score, side, varied(arm, rng, 5), seconds, score.now + 0.05)
    bend(score, seconds + 0.04, chest_yaw=24 * into, pelvis_yaw=13 * into, weight=0.35 * sign(lead), pelvis_y=-0.035 - dip)
    hold(score, side, varied(GUARD, rng, 3), 0.3, score.now + seconds + 0.07)
    bend(score, 0.36, score.now + seconds + 0.07, chest_yaw=0, pelvis_yaw=0, weight=0, pelvis_y=-0.035)
    score.now += seconds + rng.uniform(0.16, 0.34)


def _dodge(score: Score, rng: np.random.Generator) -> None:
    way = rng.choice([-1, 1])
    bend(score, 0.3, chest_roll=-16 * way, pelvis_y=-rng.uniform(0.08, 0.16), pelvis_x=0.07 * way, chest_pitch=16)
    score.now += 0.32
    bend(score, 0.36, chest_roll=0, pelvis_y=-0.035, pelvis_x=0, chest_pitch=9)
    score.now += 0.2


# ---- walking ----


def _walk(score: Score, until: float, rng: np.random.Generator) -> None:
    relax(score, 0.8)
    score.move("stride", 1.0, 0.8)
    while score.now < until - 8.0:
        x, z = rng.uniform(-STAGE, STAGE, 2) * [1, 0.75]  # less to and fro, which would change the size in the picture
        if np.hypot(x - score.ground.x, z - score.ground.z) < 0.7:
            continue
        pace = rng.uniform(0.52, 0.64)
        manner = rng.choice(["go", "go", "go", "stop", "sideways", "backwards"])
        if manner == "go":
            walk_to(score, x, z, pace, rng.uniform(0.48, 0.62))
        elif manner == "stop":
            heading = rng.choice([90, -90, 180, 180, 135, -135]) + rng.uniform(-15, 15)
            stand(score, x, z, heading, pace=pace)
            _look_about(score, rng)
        else:
            _shuffle(score, rng, manner == "backwards")
    stand(score)
    score.move("stride", 0.0, 0.6)
    while score.now < until - 2.6:
        _look_about(score, rng)
        score.now += 0.4
    score.now = max(score.now, until)


def _look_about(score: Score, rng: np.random.Generator) -> None:
    bend(score, 0.7, head_yaw=rng.uniform(-35, 35), weight=rng.uniform(-0.3, 0.3))
    hold(score, rng.choice(SIDES), varied(ARMS[rng.choice(["akimbo", "low", "salute", "robot"])], rng, 6), 0.8)
    score.now += rng.uniform(0.8, 1.5)
    relax(score, 0.8)


def _shuffle(score: Score, rng: np.random.Generator, backwards: bool) -> None:
    """Two to four steps to a side or backwards, towards the middle of the stage and keeping the heading."""
    stand(score, score.ground.x, score.ground.z, rng.choice([0, 90, -90, 180]) + rng.uniform(-20, 20), pace=0.5)
    middle = -np.array([score.ground.x, score.ground.z])
    left = np.array(score.ground.at(1, 0)) - score.ground.at(0, 0)
    way = 1 if middle @ left > 0 else -1
    first = "left" if way > 0 else "right"
    for _ in range(int(rng.integers(2, 4))):
        place = score.ground.at(*((0.0, -0.17) if backwards else (0.15 * way, 0.0)))
        if max(abs(place[0]), abs(place[1])) > STAGE:
            return
        score.ground.x, score.ground.z = place
        for side in (first, SIDES[first == "left"]):
            score.step(side, sign(side) * STANCE, 0.0, 0.36, lift=0.04)
            score.now += 0.5


# ---- waving ----


def _wave(score: Score, until: float, rng: np.random.Generator) -> None:
    relax(score, 0.8)
    stand(score)
    ways = _shuffled((_wave_hand, _wave_both, _sweep, _pump, _wings, _pendulum), rng)
    while score.now < until - 4.6:
        bend(score, 1.2, weight=rng.uniform(-0.45, 0.45), pelvis_yaw=rng.uniform(-18, 18), head_yaw=rng.uniform(-15, 15))
        next(ways)(score, rng, min(rng.uniform(2.4, 4.0), until - score.now - 2.0))
        if rng.random() < 0.5:
            relax(score, 0.8)
            stand(score, *rng.uniform(-0.15, 0.15, 2), heading=rng.uniform(-35, 35), spread=rng.uniform(0.12, 0.18))
    relax(score, 0.8)
    score.now = max(score.now, until)


def _wave_hand(score: Score, rng: np.random.Generator, seconds: float) -> None:
    """The greeting, with the forearm, one hand or both."""
    period, sides = rng.uniform(0.55, 0.8), SIDES if rng.random() < 0.3 else [rng.choice(SIDES)]
    for side in SIDES:
        hold(score, side, varied(Arm(rng.uniform(75, 130), 15, 78, 72) if side in sides else HANG, rng, 4), 0.8)
    for side in sides:
        score.swing(f"{side}.elbow", 24, period, score.now + 0.5, score.now + seconds)
        score.swing(f"{side}.wrist", 16, period, score.now + 0.5, score.now + seconds, -0.15)
    score.now += seconds


def _wave_both(score: Score, rng: np.random.Generator, seconds: float) -> None:
    """Both arms overhead from side to side."""
    period = rng.uniform(1.1, 1.5)
    both(score, varied(Arm(152, 12, 0, 14), rng, 4), 1.0)
    start, stop = score.now + 0.6, score.now + seconds
    for side in SIDES:
        score.swing(f"{side}.side", 20 * sign(side), period, start, stop)
    score.swing("chest.roll", -7, period, start, stop, 0.05)
    score.swing("pelvis.x", 0.05, period, start, stop)
    score.now = stop


def _sweep(score: Score, rng: np.random.Generator, seconds: float) -> None:
    """Arms up and down, together or in turn."""
    stop, interval, apart = score.now + seconds, rng.uniform(0.75, 1.0), rng.random() < 0.5
    places = [ARMS[name] for name in rng.choice(["up", "side", "v", "lifted", "front"], 2, replace=False)]
    k = 0
    while score.now < stop:
        for index, side in enumerate(SIDES):
            arm = places[int(rng.integers(2))] if (k + index * apart) % 2 == 0 else ARMS["low"]
            hold(score, side, varied(arm, rng, 7), 0.95 * interval)
        score.now += interval
        k += 1


def _pump(score: Score, rng: np.random.Generator, seconds: float) -> None:
    """Fists or palms pumped overhead."""
    period = rng.uniform(0.6, 0.8)
    both(score, varied(Arm(125, 25, 40, 70), rng, 6), 0.8)
    start, stop = score.now + 0.4, score.now + seconds
    for index, side in enumerate(SIDES):
        phase = index * rng.choice([0.0, 0.5])
        score.swing(f"{side}.elbow", 38, period, start, stop, phase)
        score.swing(f"{side}.side", -14, period, start, stop, phase)
    score.swing("pelvis.y", 0.012, period, start, stop)
    score.now = stop


def _wings(score: Score, rng: np.random.Generator, seconds: float) -> None:
    """Slow beats of spread arms, the hands trailing."""
    period = rng.uniform(1.1, 1.5)
    both(score, varied(Arm(82, 8, 0, 20), rng, 5), 0.9)
    start, stop = score.now + 0.4, score.now + seconds
    for side in SIDES:
        score.swing(f"{side}.side", 34, period, start, stop)
        score.swing(f"{side}.wrist", 24, period, start, stop, 0.22)
        score.swing(f"{side}.elbow", 14, period, start, stop, -0.2)
    score.swing("pelvis.y", 0.01, period, start, stop, 0.3)
    score.now = stop


def _pendulum(score: Score, rng: np.random.Generator, seconds: float) -> None:
    """Straight arms swung to the front and back past the hips, in turn."""
    period = rng.uniform(0.95, 1.25)
    both(score, varied(Arm(55, 68, 0, 14), rng, 3), 0.8)
    start, stop = score.now + 0.4, score.now + seconds
    for side in SIDES:
        score.swing(f"{side}.front", 62 * sign(side), period, start, stop)
        score.swing(f"{side}.elbow", 10 * sign(side), period, start, stop)
    score.swing("chest.yaw", -14, period, start, stop, -0.03)
    score.now = stop


# ---- dancing ----


def _dance(score: Score, until: float, rng: np.random.Generator) -> None:
    beat = 60 / rng.uniform(98, 126)
    relax(score, 0.6)
    stand(score, pace=beat)
    start = score.now
    footwork = _shuffled(
        (_side_touch, _side_touch, _box_step, _turn_step, _full_turn, _kicks, _dips, _sway, _march, _travel), rng
    )
    while score.now < until - 8 * beat:
        count = int(rng.choice([4, 8]))
        begin = score.now
        end = min(begin + count * beat, until - 4 * beat)
        _dance_trunk(score, rng, begin, end, beat)
        next(footwork)(score, rng, end, beat)
        score.now = max(score.now, end)
        _dance_arms(score, rng, begin, score.now, beat)
    score.swing("pelvis.y", 0.016, beat, start, score.now, rng.random())
    relax(score, 0.8)
    score.now = max(score.now, until)


def _dance_arms(score: Score, rng: np.random.Generator, start: float, stop: float, beat: float) -> None:
    """Arms from one position to the next on the beat: mirrored, in turn, one alone, or each for itself."""
    manner = rng.choice(["mirrored", "in turn", "one", "own"], p=[0.3, 0.2, 0.15, 0.35])
    names = list(rng.choice(list(ARMS), int(rng.integers(3, 7)), replace=False))
    every = {side: beat * rng.choice([1, 2], p=[0.6, 0.4]) for side in SIDES}
    if manner != "own":
        every["right"] = every["left"]
    alone = rng.choice(SIDES)
    for index, side in enumerate(SIDES):
        score.move(f"{side}.fist", rng.choice([0.05, 0.2, 0.35, 0.9], p=[0.4, 0.3, 0.2, 0.1]), beat, start)
        if manner == "one" and side != alone:
            hold(score, side, varied(ARMS[rng.choice(["akimbo", "low", "back", "robot"])], rng, 6), beat, start)
            continue
        k, at = int(rng.integers(len(names))) if manner == "own" else index * (manner == "in turn"), start
        while at < stop - 0.3 * beat:
            arm = varied(ARMS[names[k % len(names)]], rng, 9)
            hold(score, side, arm, rng.uniform(0.75, 1.0) * max(every[side], 0.55), at)
            at, k = at + every[side], k + 1


def _dance_trunk(score: Score, rng: np.random.Generator, start: float, stop: float, beat: float) -> None:
    """Hips, chest and head on the beat and off it."""
    phase = rng.choice([0.0, 0.25, 0.5, 0.75])
    for channel, most, per in (
        ("pelvis.x", 0.05, 2), ("pelvis.roll", 6, 2), ("pelvis.yaw", 12, 2), ("chest.yaw", 14, 2), ("chest.roll", 6, 2),
        ("chest.pitch", 5, 1), ("head.pitch", 5, 1), ("head.roll", 5, 2),
    ):  # fmt: skip
        score.swing(channel, most * rng.uniform(0, 1) ** 1.3, per * beat * rng.choice([1, 2], p=[0.8, 0.2]), start, stop, phase)
    lean = {"chest_pitch": rng.uniform(-4, 14), "chest_roll": rng.uniform(-9, 9), "chest_yaw": rng.uniform(-16, 16)}
    bend(score, 2 * beat, start, **lean, head_yaw=rng.uniform(-22, 22), pelvis_y=-rng.uniform(0.0, 0.05))


def _lift(beat: float) -> float:
    return float(np.clip(0.62 * beat, 0.27, 0.42))


def _side_touch(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Step out and close the other foot to it."""
    wide = rng.uniform(0.12, 0.26)
    sides = _some_side(rng)
    for k, at in enumerate(beats(score, until, beat)):
        lead, follow = sides if (k // 2) % 2 == 0 else sides[::-1]
        if k % 2 == 0:
            score.ground.x, score.ground.z = score.ground.at(wide * sign(lead), rng.uniform(-0.04, 0.04))
            score.step(lead, sign(lead) * STANCE, 0.0, _lift(beat), at, toes=rng.uniform(5, 25))
        else:
            score.step(follow, sign(follow) * 0.09, rng.uniform(-0.06, 0.06), _lift(beat), at, rng.uniform(0.04, 0.1))
    _to_the_middle(score, rng, beat)


def _box_step(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Forward, side, back, side."""
    long = rng.uniform(0.2, 0.34)
    lead, follow = _some_side(rng)
    corners = [(lead, 1.1, long), (follow, 1.1, long), (lead, 1.0, -0.2 * long), (follow, 1.0, -0.2 * long)]
    for k, at in enumerate(beats(score, until, beat)):
        side, wide, forward = corners[k % 4]
        score.step(side, sign(side) * wide * STANCE, forward + rng.normal(0, 0.03), _lift(beat), at, rng.uniform(0.05, 0.1))
    _to_the_middle(score, rng, beat)


def _turn_step(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Turn away by up to 60 degrees, dance there, and come back with the next turn."""
    away = rng.uniform(35, 60) * rng.choice([-1, 1])
    stand(score, score.ground.x, score.ground.z, away, pace=beat)
    if score.now < until:
        _march(score, rng, until, beat)
    _to_the_middle(score, rng, beat)


def _full_turn(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """All the way round in steps."""
    way = rng.choice([-1, 1])
    side = "left" if way > 0 else "right"
    for _ in range(8):
        score.ground.heading += way * 45
        score.step(side, sign(side) * 0.9 * STANCE, 0.0, 0.7 * 0.75 * beat, lift=0.04)
        side = SIDES[side == "left"]
        score.now += 0.75 * beat
    _to_the_middle(score, rng, beat)


def _kicks(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Kicks or knees on every other beat, the weight on the other leg."""
    sides, high = _some_side(rng), rng.uniform(0.25, 0.5)
    knees = rng.random() < 0.4
    for k, at in enumerate(beats(score, until, 2 * beat)):
        side = sides[k % 2]
        score.move("weight", -0.75 * sign(side), 0.8 * beat, at - 0.3 * beat)
        out, forward = rng.uniform(-0.05, 0.25) * sign(side), (0.2 if knees else rng.uniform(0.35, 0.6))
        score.kick(side, out, high, forward, 1.5 * beat + 0.1, 30 if knees else 20, at + 0.1)
    score.move("weight", 0.0, beat)


def _dips(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Down into the knees and up, sometimes with a deep bend forward."""
    stand(score, score.ground.x, score.ground.z, score.ground.heading, rng.uniform(0.16, 0.24), toes=18, pace=beat)
    deep = rng.random() < 0.4
    for at in beats(score, until, 2 * beat):
        low = rng.uniform(0.10, 0.24)
        forward = rng.uniform(18, 40) if deep else rng.uniform(4, 12)
        way = rng.choice([-1, 1])
        bend(
            score,
            beat,
            at,
            pelvis_y=-low,
            pelvis_z=-0.4 * low,
            pelvis_pitch=0.5 * forward,
            chest_pitch=forward,
            weight=0.4 * way,
        )
        bend(score, beat, at + 0.95 * beat, pelvis_y=-0.03, pelvis_z=0, pelvis_pitch=0, chest_pitch=3, weight=0)
    score.now = max(score.now, until)


def _sway(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Feet still, hips from side to side."""
    stand(score, score.ground.x, score.ground.z, score.ground.heading, rng.uniform(0.13, 0.2), pace=beat)
    period, begin = 2 * beat * rng.choice([1, 1, 2]), score.now
    if until > begin + 2 * beat:
        score.swing("pelvis.x", rng.uniform(0.06, 0.1), period, begin, until)
        score.swing("pelvis.roll", rng.uniform(5, 9), period, begin, until)
        score.swing("chest.roll", rng.uniform(-8, -3), period, begin, until, 0.04)
        score.swing("pelvis.z", rng.uniform(0.0, 0.05), period, begin, until, 0.25)
    score.now = max(begin, until)


def _march(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Steps on the spot, the knees as high as it comes."""
    sides, high = _some_side(rng), rng.uniform(0.06, 0.2)
    for k, at in enumerate(beats(score, until, beat)):
        side = sides[k % 2]
        score.step(side, sign(side) * rng.uniform(0.09, 0.17), rng.normal(0, 0.05), _lift(beat), at, high)


def _travel(score: Score, rng: np.random.Generator, until: float, beat: float) -> None:
    """Three steps to a side, crossing in front or behind, and a touch; then back."""
    lead, follow = _some_side(rng)
    for k, at in enumerate(beats(score, until, beat)):
        if k % 4 == 0 and k:
            lead, follow = follow, lead
        way = sign(lead)
        if k % 4 in (0, 2):
            score.ground.x, score.ground.z = score.ground.at(0.2 * way, 0.0)
            score.step(lead, sign(lead) * STANCE, 0.0, _lift(beat), at)
        elif k % 4 == 1:
            score.step(follow, 0.02 * sign(follow), rng.choice([-0.1, 0.1]), _lift(beat), at)
        else:
            score.step(follow, sign(follow) * 0.1, 0.0, _lift(beat), at, 0.09)
    _to_the_middle(score, rng, beat)


def _to_the_middle(score: Score, rng: np.random.Generator, beat: float) -> None:
    """Where the next steps go: nearer to the middle of the stage, and facing the camera more or less."""
    stand(score, 0.35 * score.ground.x, 0.35 * score.ground.z, rng.uniform(-22, 22), pace=beat)


# ---- the kits of Figures 4 and 5 ----


def _arm_vertical(score: Score, until: float, rng: np.random.Generator) -> None:
    """One arm at a time, up and down in front of its shoulder, so that the camera sees it upright all the way."""
    places = ((168, 5), (168, 5), (140, 8), (110, 8), (75, 10), (60, 60), (125, 45))
    for side, some in _one_arm_at_a_time(score, until, rng, places):
        for elevation, elbow in some:
            seconds = rng.uniform(0.8, 1.3)
            hold(score, side, varied(Arm(elevation, 84, 0, elbow), rng, 0.8), seconds)
            score.now += seconds + rng.uniform(0.1, 0.5)


def _arm_horizontal(score: Score, until: float, rng: np.random.Generator) -> None:
    """One arm at a time, to the front, where it is foreshortened, from there out to its side, level, and back the same way."""
    places = ((2, 5), (2, 5), (20, 6), (45, 8), (5, 50), (-12, 6))
    for side, some in _one_arm_at_a_time(score, until, rng, places):
        hold(score, side, Arm(90, 84, 0, 10), 1.0)
        score.now += 1.0
        for azimuth, elbow in (*some, (84, 10)):
            seconds = rng.uniform(0.9, 1.3)
            _sweep_level(score, side, azimuth + rng.normal(0, 0.8), elbow, seconds)
            score.now += seconds + rng.uniform(0.1, 0.4)


def _sweep_level(score: Score, side: str, azimuth: float, elbow: float, seconds: float) -> None:
    """Bring a level arm to another azimuth by short moves that overlap, since one long one would sag in the middle."""
    start = float(np.degrees(np.arctan2(score.aims[f"{side}.front"], score.aims[f"{side}.side"])))
    count = int(abs(azimuth - start) // 20) + 1
    for k in range(count):
        way = start + (azimuth - start) * (k + 1) / count
        hold(score, side, Arm(90, way, 0, elbow), 2 * seconds / (count + 1), score.now + k * seconds / (count + 1))


def _one_arm_at_a_time(
    score: Score, until: float, rng: np.random.Generator, places: Sequence[tuple[float, float]]
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Which arm is to be moved, and one to three places to bring it to; lets it hang again before the next one."""
    relax(score, 0.8)
    stand(score)
    side = rng.choice(SIDES)
    while score.now < until - 6.0:
        yield side, [places[k] for k in rng.permutation(len(places))[: int(rng.integers(1, 4))]]
        hold(score, side, HANG, 1.2)
        score.now += rng.uniform(1.25, 1.6)
        side = SIDES[side == "left"] if rng.random() < 0.8 else side
    score.now = max(score.now, until)


ROUTINES: dict[str, Callable[[Score, float, np.random.Generator], None]] = {
    "stretch": _stretch,
    "box": _box,
    "walk": _walk,
    "wave": _wave,
    "dance": _dance,
    "arm-vertical": _arm_vertical,
    "arm-horizontal": _arm_horizontal,
}
"""Name of a segment → what writes it into a score, from `score.now` until a time and at random."""


def take_pose(score: Score, until: float, arms: tuple[Arm, Arm]) -> None:
    """Take up a pose and hold it; at the very beginning of a performance it is held from the first frame."""
    for side, arm in zip(SIDES, arms):
        if score.now == 0:
            for name, aim in arm.channels().items():
                score.set(f"{side}.{name}", aim)
        hold(score, side, arm, 0.8)
    score.now = until
