"""How late the frames were, how many were dropped, and which stage took how long."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field

import numpy as np

KEPT = 100_000
"""The times of the latest frames are kept, so many of them; it is about an hour."""


@dataclass(frozen=True)
class FrameTimes:
    """The moments of one frame, all in seconds of one clock.

    Attributes:
        due_s: when it came, or by a file's time stamps should have come.
        taken_s: when the search for its pose began.
        posed_s: when the pose was found.
        begun_s: when the generator took it up.
        generated_s: when the actor's frame was there.
        shown_s: when it was written or shown.
    """

    due_s: float
    taken_s: float
    posed_s: float
    begun_s: float
    generated_s: float
    shown_s: float


@dataclass(frozen=True)
class LiveReport:
    """What came of an online performance. Times are in milliseconds.

    Attributes:
        came: frames that the source gave, or would have given in time.
        shown: frames written or shown, with the actor or, while nobody was seen or the alignment was being learnt, without.
        performed: those with the actor. The times below are of these.
        dropped: where frames were dropped since a later one was there, or a file's could not be decoded in time.
        seconds: from the first frame's time to the last one's.
        latency_ms: from a frame's time to its showing, `p50`, `p95`, `p99` and `max`; empty without any.
        stages_ms: medians of what a frame's latency is made of, waiting included; empty without any.
        drift_ms: by how much the median latency of the last quarter of the frames exceeds the first quarter's; NaN without any.
        frames: the moments of each of these frames, of the latest `KEPT`.
    """

    came: int
    shown: int
    performed: int
    dropped: dict[str, int]
    seconds: float
    latency_ms: dict[str, float]
    stages_ms: dict[str, float]
    drift_ms: float
    frames: tuple[FrameTimes, ...] = field(default=(), repr=False)

    @property
    def slowest(self) -> str:
        """The stage at work, not in waiting, that takes longest; empty without any."""
        work = {name: ms for name, ms in self.stages_ms.items() if not name.startswith("waiting")}
        return max(work, key=work.get, default="")

    def as_dict(self) -> dict:
        """For JSON."""
        found = {name: value for name, value in asdict(self).items() if name != "frames"}
        return found | {"drift_ms": None if np.isnan(self.drift_ms) else self.drift_ms, "slowest": self.slowest}

    def text(self) -> str:
        """A few lines for a person."""
        lost = ", ".join(f"{count} before {stage}" for stage, count in self.dropped.items() if count)
        lines = [f"{self.came} frames came in {self.seconds:.1f} s, {self.shown} were shown, {self.performed} with the actor"]
        lines.append(f"dropped: {lost}" if lost else "none was dropped")
        if not self.performed:
            return "\n".join([*lines, "the alignment was not learnt: show the whole driver for a few seconds first"])
        lines.append("latency: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in self.latency_ms.items()))
        lines.append("medians: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in self.stages_ms.items()))
        lines.append(f"slowest: {self.slowest}; the last quarter against the first: {self.drift_ms:+.1f} ms")
        return "\n".join(lines)


class Stopwatch:
    """Collects the times of an online performance."""

    def __init__(self) -> None:
        self._times: deque[FrameTimes] = deque(maxlen=KEPT)
        self._first_s = self._last_s = None
        self.shown = self.performed = 0

    def show(self, times: FrameTimes, performed: bool) -> None:
        """Note a frame that was shown; `performed` says whether with the actor."""
        self.shown += 1
        self._first_s = times.due_s if self._first_s is None else self._first_s
        self._last_s = times.due_s
        if performed:
            self.performed += 1
            self._times.append(times)

    def report(self, came: int, dropped: dict[str, int]) -> LiveReport:
        """All that was noted, beside what others have counted."""
        seconds = 0.0 if self._first_s is None else self._last_s - self._first_s
        if not self._times:
            return LiveReport(came, self.shown, self.performed, dropped, seconds, {}, {}, float("nan"))
        table = 1000 * np.array([[*asdict(one).values()] for one in self._times])
        latency = table[:, -1] - table[:, 0]
        p50, p95, p99 = np.percentile(latency, [50, 95, 99])
        names = ("waiting for the pose", "pose", "waiting for the generator", "generator", "output")
        quarter = max(1, len(latency) // 4)
        return LiveReport(
            came=came,
            shown=self.shown,
            performed=self.performed,
            dropped=dropped,
            seconds=seconds,
            latency_ms={"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(latency.max())},
            stages_ms=dict(zip(names, np.median(np.diff(table, axis=1), 0).tolist(), strict=True)),
            drift_ms=float(np.median(latency[-quarter:]) - np.median(latency[:quarter])),
            frames=tuple(self._times),
        )
