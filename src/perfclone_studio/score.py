"""A score: what a performer is to do, written on a timeline as smooth moves, footsteps and oscillations.

A score has named channels, one number each at any time: an arm's swing, the chest's bend, where a foot is. A move adds a
minimum-jerk change to one channel. Moves may overlap, and the channel is then the sum of them, as human arm movements are
(Flash and Henis 1991): nothing jumps, whatever is written, and one thing flows into the next. Times are in seconds and the
score is kept on a clock of its own, so that the same score can be sampled at any frame rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

CLOCK = 150
"""Ticks of the score's clock a second; 25, 30 and 50 frames a second fall on ticks."""

SIDES = ("left", "right")
"""The performer's own left and right."""

FADE_S = 0.5
"""Oscillations come and go over this time, in seconds."""

STANCE = 0.135
"""How far each foot stands from the middle when the performer just stands, in leg lengths."""

FEET_APART = 0.2
"""The least distance between the feet, in leg lengths."""

TOES_OUT = 8.0
"""How far the feet turn outwards, in degrees."""


def sign(side: str) -> float:
    """+1 for the left, which is the direction of x, −1 for the right."""
    return 1.0 if side == "left" else -1.0


def minimum_jerk(share: np.ndarray) -> np.ndarray:
    """The course of the smoothest movement from 0 to 1 (Flash and Hogan 1985); constant before and after."""
    share = np.clip(share, 0.0, 1.0)
    return share**3 * (10 - 15 * share + 6 * share**2)


def smooth(signal: np.ndarray, seconds: float) -> np.ndarray:
    """`signal`, one value a tick, under a Gaussian whose standard deviation is `seconds`."""
    return gaussian_filter1d(signal, seconds * CLOCK, axis=0, mode="nearest")


def delayed(signal: np.ndarray, seconds: float) -> np.ndarray:
    """`signal` as it was `seconds` ago; negative: as it will be."""
    ticks = np.clip(np.arange(len(signal)) - round(seconds * CLOCK), 0, len(signal) - 1)
    return signal[ticks]


@dataclass
class Ground:
    """Where a performer stands: a place on the floor in leg lengths, x to the camera's right, and a heading in degrees.

    A heading of 0 faces the camera, 90 faces the performer's left, which is the direction of x.
    """

    x: float = 0.0
    z: float = 0.0
    heading: float = 0.0

    def at(self, left: float, forward: float) -> tuple[float, float]:
        """(x, z) of the place that is so far to the left and to the front of here."""
        s, c = np.sin(np.radians(self.heading)), np.cos(np.radians(self.heading))
        return self.x + left * c + forward * s, self.z - left * s + forward * c


class Score:
    """A timeline of `seconds`, written from beginning to end; `now` is where the pen is.

    Channels are in degrees or leg lengths. Those of the feet are `left.x`, `left.z`, `left.yaw` (where the sole is or is
    about to be), `left.lift` and `left.pitch` (positive: heel up), `left.reach.x/y/z` (a kick's way from there, in the
    performer's own directions).
    """

    def __init__(self, seconds: float) -> None:
        self.ticks = int(np.ceil((seconds + 1.0) * CLOCK))
        self.now = 0.0
        self.ground = Ground()
        self.channels: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(self.ticks))
        self.aims: dict[str, float] = defaultdict(float)
        self.swinging = {side: np.zeros(self.ticks, bool) for side in SIDES}
        self.planted = {side: np.ones(self.ticks, bool) for side in SIDES}
        self._settled: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(self.ticks + 1))
        for side in SIDES:
            self.set(f"{side}.x", sign(side) * STANCE)
            self.set(f"{side}.z", 0.0)
            self.set(f"{side}.yaw", sign(side) * TOES_OUT)

    @property
    def times(self) -> np.ndarray:
        """The clock's ticks in seconds."""
        return np.arange(self.ticks) / CLOCK

    def set(self, channel: str, value: float) -> None:
        """Let a channel have this value from the beginning; for what is true before anything moves."""
        self.channels[channel] += value - self.aims[channel]
        self.aims[channel] = value

    def move(self, channel: str, aim: float, seconds: float, at: float | None = None) -> None:
        """Bring a channel to `aim` in so many seconds, beginning `at` (now)."""
        change = aim - self.aims[channel]
        self.aims[channel] = aim
        span, share = self._span(self.now if at is None else at, seconds)
        self.channels[channel][span] += change * minimum_jerk(share)
        self._settled[channel][span.stop] += change

    def bump(self, channel: str, height: float, seconds: float, at: float | None = None) -> None:
        """Let a channel rise by `height` and come back, within so many seconds."""
        span, share = self._span(self.now if at is None else at, seconds)
        self.channels[channel][span] += height * (4 * share * (1 - share)) ** 3

    def swing(self, channel: str, amplitude: float, period: float, start: float, stop: float, phase: float = 0.0) -> None:
        """Let a channel swing by ±`amplitude`; `phase` in turns, counted from the score's beginning."""
        span, _ = self._span(start, stop - start)
        times = self.times[span]
        fade = minimum_jerk((times - start) / FADE_S) * minimum_jerk((stop - times) / FADE_S)
        self.channels[channel][span] += amplitude * fade * np.sin(2 * np.pi * (times / period + phase))

    def wander(self, channel: str, deviation: float, seconds: float, rng: np.random.Generator) -> None:
        """Let a channel drift at random; `seconds` is the time over which the drift hangs together."""
        margin = round(4 * seconds * CLOCK)
        noise = smooth(rng.standard_normal(self.ticks + 2 * margin), seconds)[margin:-margin]
        self.channels[channel] += deviation * noise * np.sqrt(2 * np.sqrt(np.pi) * seconds * CLOCK)

    def step(
        self, side: str, left: float, forward: float, seconds: float, at: float | None = None, lift: float = 0.06, toes=TOES_OUT
    ) -> None:
        """Put a foot down elsewhere: so far to the left and to the front of `ground`, which is to be where the step leads.

        The heel peels off before, the foot swings, and lands on the heel if it goes forward far enough, else flat.

        Args:
            side: which foot.
            left, forward: where to, in leg lengths.
            seconds: how long the foot is in the air.
            at: when it leaves the floor.
            lift: how high the sole rises, in leg lengths.
            toes: degrees by which the foot turns outwards.
        """
        at = self.now if at is None else at
        x, z = self._beside_the_other(side, np.array(self.ground.at(left, forward)))
        way = np.array([x - self.aims[f"{side}.x"], z - self.aims[f"{side}.z"]])
        self._go_round_the_other(side, way, seconds, at)
        ahead = way @ [np.sin(np.radians(self.ground.heading)), np.cos(np.radians(self.ground.heading))]
        for name, aim in (("x", x), ("z", z), ("yaw", self.ground.heading + sign(side) * toes)):
            self.move(f"{side}.{name}", aim, seconds, at)
        self.bump(f"{side}.lift", lift, seconds, at)
        peel, land = 0.35 * seconds, 0.2 * seconds
        heel_up = 8 + 40 * min(np.hypot(*way), 0.8)
        toes_up = -22 * np.clip((ahead - 0.15) / 0.4, 0, 1)
        self.move(f"{side}.pitch", heel_up, 1.35 * peel, at - peel)
        self.move(f"{side}.pitch", toes_up, 0.85 * seconds, at + 0.15 * seconds)
        self.move(f"{side}.pitch", 0.0, land, at + seconds)
        self._lift_off(side, at, at + seconds, peel, land)

    def _beside_the_other(self, side: str, place: np.ndarray) -> np.ndarray:
        """The nearest place to (x, z) that is `FEET_APART` from the other foot, on its own side of it."""
        other = self._place(SIDES[side == "left"])
        aside = place - other
        outwards = np.array(self.ground.at(sign(side), 0.0)) - self.ground.at(0.0, 0.0)
        lacking = FEET_APART - np.linalg.norm(aside)
        if lacking <= 0:
            return place
        along = aside @ outwards
        ahead = aside - along * outwards
        return other + ahead + np.sqrt(FEET_APART**2 - ahead @ ahead) * outwards

    def _go_round_the_other(self, side: str, way: np.ndarray, seconds: float, at: float) -> None:
        """Let a foot that swings past the other one make a bow."""
        start, other = self._place(side), self._place(SIDES[side == "left"])
        share = np.clip((other - start) @ way / max(way @ way, 1e-9), 0.1, 0.9)
        aside = start + share * way - other
        lacking = FEET_APART - np.linalg.norm(aside)
        if lacking > 0:
            for name, bow in zip("xz", 1.3 * lacking * aside / np.linalg.norm(aside)):
                self.bump(f"{side}.{name}", bow, seconds, at)

    def _place(self, side: str) -> np.ndarray:
        return np.array([self.aims[f"{side}.x"], self.aims[f"{side}.z"]])

    def kick(
        self, side: str, left: float, up: float, forward: float, seconds: float, pitch: float, at: float | None = None
    ) -> None:
        """Take a foot off the floor to a place in the air and put it back; `pitch`: toes down, degrees, at the far end."""
        at = self.now if at is None else at
        for name, way in (("x", left), ("y", up), ("z", forward)):
            self.bump(f"{side}.reach.{name}", way, seconds, at)
        self.bump(f"{side}.pitch", pitch, seconds, at)
        self._lift_off(side, at, at + seconds, 0.0, 0.0)

    def sampled(self, channel: str) -> np.ndarray:
        """A channel as written so far, at every tick of the clock."""
        return self.channels[channel] + np.cumsum(self._settled[channel][:-1])

    def _lift_off(self, side: str, start: float, stop: float, before: float, after: float) -> None:
        ticks = self.times
        self.swinging[side] |= (ticks > start) & (ticks < stop)
        self.planted[side] &= (ticks <= start - before) | (ticks >= stop + after)

    def _span(self, start: float, seconds: float) -> tuple[slice, np.ndarray]:
        """The ticks that a stretch of time touches, and for each the share of it that has passed."""
        first = int(np.clip(np.ceil(start * CLOCK), 0, self.ticks))
        last = int(np.clip(np.ceil((start + seconds) * CLOCK), first, self.ticks))
        return slice(first, last), (np.arange(first, last) / CLOCK - start) / seconds


def beats(score: Score, until: float, period: float) -> Iterator[float]:
    """The times of the beats from now on, a `period` apart; `score.now` moves along."""
    while score.now < until - 0.5 * period:
        yield score.now
        score.now += period
