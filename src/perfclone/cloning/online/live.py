"""Online cloning (Sec. 5.3): "clone a driving performance as it is being captured, with just a small buffering delay".

Four stages, each on a thread of its own: source → pose → generator → output. Between them lie mailboxes that hold one frame, or
one window of N poses, and forget the oldest. So the delay is bounded by what the stages take, however slow one of them is.
"""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...skeleton import FRAME, J
from ...training import Actor
from ...viz import enlarge
from ..fast_generator import FastGenerator
from ..offline import compose, find_background, provenance
from .mailbox import Mailbox
from .output import Output, open_output
from .report import FrameTimes, LiveReport, Stopwatch
from .source import Arrival, Source, open_source
from .tracker import Tracker, actor_torso


def live(
    actor: Actor, source: str, *, out: str | Path | None = None, show: bool = False, background: str = "white"
) -> LiveReport:
    """Let the actor perform what a camera sees, while it sees it. Ends with the source, at Ctrl-C, or at q in the window.

    For the first seconds (`tracker.LEARN_S`) the alignment is learnt and the background is shown, as later when nobody is seen.

    Args:
        actor: a trained actor.
        source: the number of a camera, or a video file, which is played at its own rate.
        out: an mp4 to write, 256×256, silent, with the times at which the frames came.
        show: show it in a window.
        background: see `clone`.

    Returns:
        How late the frames were, and how many were dropped.

    Raises:
        InputError: no such camera or file, no display for the window, `out` can't be written, or an actor that takes no poses.
    """
    from ...capture.mediapipe_extractor import MediapipeExtractor

    behind = find_background(background, actor)
    generator, torso = FastGenerator(actor), actor_torso(actor.joints)
    with open_source(source) as frames, MediapipeExtractor(tracking=True) as extractor:
        with open_output(out, show, provenance(actor, frames.name, frames.sha256)) as output:
            performance = Performing(frames, Tracker(extractor, torso).pose, generator.generate, actor.settings.window)
            return performance.run(output, behind)


@dataclass(frozen=True)
class _Posed:
    due_s: float
    taken_s: float
    posed_s: float
    joints: np.ndarray | None


@dataclass(frozen=True)
class _Made:
    posed: _Posed
    begun_s: float
    generated_s: float
    frame: np.ndarray | None


class Performing:
    """One online performance under way.

    Each frame of the actor is the last of the window of N poses that it ends, so that no pose waits for the next one. If meanwhile
    more poses have come, up to N, one window gives the frames of all of them: a slow generator has so much less to do.

    Args:
        source: of frames.
        find_pose: (seconds, frame) → (18, 2) aligned joints or None, see `Tracker.pose`.
        generate: (B, N, 18, 2) poses → (B, N, size, size, 3) uint8, see `FastGenerator.generate`.
        window: N.
    """

    def __init__(
        self,
        source: Source,
        find_pose: Callable[[float, np.ndarray], np.ndarray | None],
        generate: Callable[[np.ndarray], np.ndarray],
        window: int,
    ) -> None:
        self._source, self._find_pose, self._generate, self._window = source, find_pose, generate, window
        self._frames: Mailbox[Arrival] = Mailbox(1)
        self._poses: Mailbox[_Posed] = Mailbox(window)
        self._made: Mailbox[_Made] = Mailbox(window)
        self._stop, self._failures, self._came = threading.Event(), [], 0

    def run(self, output: Output, behind: np.ndarray) -> LiveReport:
        """Perform before (256, 256, 3) uint8 `behind` until the end. What fails in a stage is raised here, after the others have ended."""
        self._generate(np.full((1, self._window, J, 2), FRAME / 2, np.float32))  # the first call of a network is a slow one
        stages = [
            threading.Thread(target=self._stage, args=stage, daemon=True)
            for stage in ((self._read, self._frames), (self._pose, self._poses), (self._perform, self._made))
        ]
        for stage in stages:
            stage.start()
        watch, start = Stopwatch(), None
        with self._until_stopped():
            while batch := self._made.take():
                for made in batch:
                    start = made.posed.due_s if start is None else start
                    if not output.put(_picture(made, behind), made.posed.due_s - start):
                        self._stop.set()
                    watch.show(_times(made), made.frame is not None)
        for stage in stages:
            stage.join()
        if self._failures:
            raise self._failures[0]
        return watch.report(self._came + self._source.late, self._dropped())

    @contextmanager
    def _until_stopped(self) -> Iterator[None]:
        """Ctrl-C ends the performance as the source's end does, not the program; a second one is as ever."""
        main = threading.current_thread() is threading.main_thread()  # no other thread may say what a signal does
        before = signal.getsignal(signal.SIGINT) if main else None

        def end(*_) -> None:
            self._stop.set()
            signal.signal(signal.SIGINT, before)

        try:
            if main:
                signal.signal(signal.SIGINT, end)
            yield
        finally:
            self._stop.set()
            if main:
                signal.signal(signal.SIGINT, before)

    def _dropped(self) -> dict[str, int]:
        boxes = {"the pose": self._frames, "the generator": self._poses, "the output": self._made}
        return {"decoding": self._source.late} | {stage: box.dropped for stage, box in boxes.items()}

    def _stage(self, work: Callable[[], None], into: Mailbox) -> None:
        try:
            work()
        except BaseException as error:
            self._failures.append(error)
            self._stop.set()
        finally:
            into.close()

    def _read(self) -> None:
        for arrival in self._source.arrivals(self._stop):
            self._came += 1
            self._frames.put(arrival)

    def _pose(self) -> None:
        while arrivals := self._frames.take():
            taken = time.perf_counter()
            joints = self._find_pose(arrivals[0].due_s, arrivals[0].image)
            self._poses.put(_Posed(arrivals[0].due_s, taken, time.perf_counter(), joints))

    def _perform(self) -> None:
        past: deque[np.ndarray] = deque(maxlen=self._window)
        while batch := self._poses.take():
            for seen, group in itertools.groupby(batch, lambda posed: posed.joints is not None):
                part, begun = list(group), time.perf_counter()
                if seen:
                    past.extend(posed.joints for posed in part)
                    frames = self._frames_of(past, len(part))
                else:
                    past.clear()
                    frames = [None] * len(part)
                for posed, frame in zip(part, frames, strict=True):
                    self._made.put(_Made(posed, begun, time.perf_counter(), frame))

    def _frames_of(self, past: deque[np.ndarray], count: int) -> list[np.ndarray]:
        """The last `count` frames of the window that ends now; before there are N poses, the first one is repeated."""
        poses = [past[0]] * (self._window - len(past)) + list(past)
        return list(self._generate(np.stack(poses)[None])[0, self._window - count :])


def _picture(made: _Made, behind: np.ndarray) -> np.ndarray:
    return behind if made.frame is None else compose(enlarge(made.frame, FRAME), made.posed.joints, behind)


def _times(made: _Made) -> FrameTimes:
    posed = made.posed
    return FrameTimes(posed.due_s, posed.taken_s, posed.posed_s, made.begun_s, made.generated_s, time.perf_counter())
