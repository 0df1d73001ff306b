"""A video cloned in one go: decode → pose, then generator → picture → encoder, each stage on workers of its own.

`capture` and `clone` keep what they find, cut-outs, masks and a clean plate, since trainings need them. To clone a video only its
poses are needed. Here nothing else is made of it, frames of it never wait in more than a short queue, and several frames' poses are
sought at a time. Poses have to be all there before the first frame can be generated, since alignment and smoothing take the whole video.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, Full, Queue, SimpleQueue
from typing import Any

import numpy as np

from ..capture import CaptureSettings
from ..capture.extraction import (
    COMPANY_SHARE,
    SURVEY_FRAMES,
    TRACKING_FPS,
    Extraction,
    at_working_size,
    check_seen,
    extract,
    extraction_path,
    in_company,
    load_extraction,
    pose_track,
    working_size,
)
from ..capture.extractor import Follower, Person, distinct
from ..capture.mediapipe_extractor import MediapipeExtractor, coco_joints
from ..capture.pipeline import aligned_poses
from ..progress import progress
from ..skeleton import FRAME
from ..training import Actor
from ..video import VideoWriter, content_hash, probe, read_frames
from ..viz import enlarge
from .fast_generator import FastGenerator
from .offline import WINDOWS, compose, find_background, hold_poses, performance_frames, provenance


@dataclass(frozen=True)
class StreamReport:
    """How long a cloning took, and what took it.

    Attributes:
        frames: that were written.
        seconds: from the first to the last.
        busy_s: seconds that each stage worked, waiting not counted; `pose` is the sum over its workers.
        pose_workers: how many sought poses at a time; 0 if poses were there already.
        notices: sentences that the user should read, as in `Performance.notices`.
    """

    frames: int
    seconds: float
    busy_s: dict[str, float]
    pose_workers: int
    notices: tuple[str, ...]

    @property
    def slowest(self) -> str:
        """The stage that the others wait for."""
        return max(self.busy_s, key=lambda stage: self.busy_s[stage] / (self.pose_workers or 1 if stage == "pose" else 1))

    def text(self) -> str:
        """One line for a person."""
        stages = ", ".join(f"{name} {1000 * busy / self.frames:.1f}" for name, busy in self.busy_s.items())
        rate = self.frames / self.seconds
        return (
            f"{self.frames} frames in {self.seconds:.1f} s, {rate:.1f} a second; ms a frame: {stages}; slowest: {self.slowest}"
        )


def clone_video(
    actor: Actor, video: str | Path, out: str | Path, *, background: str = "white", overlap: bool = False
) -> StreamReport:
    """Write a video in which the actor performs a driving video's motion, with its frames, times and audio.

    The result is that of `capture` and `clone`, but that frames come from `FastGenerator`. Where more than one person is seen, or where
    there are so few frames a second that poses are tracked, poses are found as `capture` does, frame after frame.

    Args:
        actor: a trained actor, generated from poses.
        video: of one performer, the camera at rest.
        out, background, overlap: see `clone`.

    Raises:
        InputError: as `capture` and `clone`, or `FastGenerator`.
    """
    behind, generator, watch = find_background(background, actor), FastGenerator(actor), StageWatch()
    began = time.perf_counter()
    extraction, workers = _extraction(video, watch)
    poses, _, notices = aligned_poses(extraction, CaptureSettings())
    joints, shown = hold_poses(poses)
    frames = ahead(watch.each("generator", performance_frames(generator, joints, shown, overlap)), 2 * WINDOWS)

    def picture(numbered: tuple[int, np.ndarray | None]) -> np.ndarray:
        index, frame = numbered
        return behind if frame is None else compose(enlarge(frame, FRAME), joints[index], behind)

    about = provenance(actor, Path(video).stem, content_hash(video))
    with VideoWriter(out, FRAME, FRAME, audio_from=video, metadata=about) as writer:
        pictures = ahead((watch.timed("picture", picture, one) for one in enumerate(frames)), WINDOWS)
        for index, done in enumerate(progress(pictures, len(joints), f"cloning {Path(video).name}")):
            watch.timed("encoder", writer.write, done, float(poses.times[index]))
    return StreamReport(len(joints), time.perf_counter() - began, dict(watch.busy_s), workers, notices)


def _extraction(video: str | Path, watch: StageWatch) -> tuple[Extraction, int]:
    """Poses in pixels of the video, kept beside it or found; and by how many workers."""
    settings, info = CaptureSettings(), probe(video)
    kept = extraction_path(video, settings)
    if kept.is_file():
        extraction = load_extraction(kept)
        check_seen(extraction.poses, settings, video)
        return extraction, 0
    if info.fps >= TRACKING_FPS:
        workers = os.cpu_count() or 1
        extraction = found_poses(video, workers, watch)
        if extraction.company.mean() <= COMPANY_SHARE:
            check_seen(extraction.poses, settings, video)
            return extraction, workers
    return watch.timed("pose", extract, video, settings), 1


def found_poses(video: str | Path, workers: int, watch: StageWatch | None = None) -> Extraction:
    """The followed person's poses in all of a video, those that `extraction.extract` finds where nobody else is seen.

    Args:
        video: as for `capture`.
        workers: frames in which people are sought at a time.
        watch: notes the time that `decode` and `pose` take.

    Returns:
        Without masks, and with an empty plate.
    """
    watch, info = watch or StageWatch(), probe(video)
    size = working_size(info.width, info.height)
    times, found = [], []
    with _extractors(workers) as people_in:
        frames = watch.each("decode", read_frames(video))
        bar = progress(frames, info.frames, f"poses of {Path(video).name}")
        jobs = ((time_s, at_working_size(frame)) for time_s, frame in bar)
        for time_s, people in _in_order(jobs, lambda frame: watch.timed("pose", people_in, frame), workers):
            times.append(time_s)
            found.append(people)
    survey = sorted({round(index) for index in np.linspace(0, len(found) - 1, min(len(found), SURVEY_FRAMES))})
    follower = Follower([found[index] for index in survey], *size)
    chosen = [follower.choose(people, time_s) for people, time_s in zip(found, times, strict=True)]
    poses = pose_track(np.array(times), chosen, (size[0] / info.width, size[1] / info.height))
    company = np.array([in_company(people, one) for people, one in zip(found, chosen, strict=True)])
    return Extraction(poses, (), company, np.zeros((size[1], size[0], 3), np.uint8), (info.width, info.height))


def _in_order(
    jobs: Iterable[tuple[float, np.ndarray]], work: Callable[[np.ndarray], Any], workers: int
) -> Iterator[tuple[float, Any]]:
    """The work on each frame, several at a time, in the order in which they came and with few of them waiting."""
    waiting: deque[tuple[float, Future]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for time_s, frame in jobs:
            waiting.append((time_s, pool.submit(work, frame)))
            if len(waiting) > 2 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        for time_s, future in waiting:
            yield time_s, future.result()


class _Extractor(MediapipeExtractor):
    """`MediapipeExtractor` without masks, for several threads.

    That one silences the process's standard error at every frame, which only one thread may do at a time. MediaPipe has something to
    say when it finds the first person, so here it is done until then, and never by two threads at once.
    """

    _silencing = threading.Lock()
    _has_spoken = False

    def people(self, index: int, frame: np.ndarray) -> list[Person]:
        """See `Extractor`."""
        if not self._has_spoken:
            with self._silencing:
                people = super().people(index, frame)
            self._has_spoken = bool(people)
            return [replace(person, mask=None) for person in people]
        scale = np.array([frame.shape[1], frame.shape[0], frame.shape[1]])
        people = []
        for landmarks in self._detected(frame).pose_landmarks:
            places = np.array([[one.x, one.y, one.z] for one in landmarks]) * scale
            sureness = np.array([min(one.visibility, one.presence) for one in landmarks])
            people.append(Person(*coco_joints(places, sureness)))
        return people


@contextmanager
def _extractors(count: int) -> Iterator[Callable[[np.ndarray], list[Person]]]:
    """Everybody in a frame, by whichever of several extractors is free."""
    free: SimpleQueue[_Extractor] = SimpleQueue()

    def people(frame: np.ndarray) -> list[Person]:
        extractor = free.get()
        try:
            return distinct(extractor.people(0, frame))
        finally:
            free.put(extractor)

    with ExitStack() as stack:
        for _ in range(count):
            free.put(stack.enter_context(_Extractor()))
        yield people


def ahead(items: Iterable, depth: int) -> Iterator:
    """The items, made by a thread of their own at most `depth` ahead of who takes them. What fails there is raised here."""
    box: Queue[tuple[bool, Any]] = Queue(depth)
    stop = threading.Event()

    def put(thing: tuple[bool, Any]) -> None:
        while not stop.is_set():
            try:
                return box.put(thing, timeout=0.2)
            except Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((True, item))
                if stop.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            there, thing = _taken(box)
            if there:
                yield thing
            elif thing is None:
                return
            else:
                raise thing
    finally:
        stop.set()
        worker.join()


def _taken(box: Queue) -> tuple:
    while True:
        try:
            return box.get(timeout=0.5)  # with no limit an interrupt from the keyboard would not get through everywhere
        except Empty:
            continue


class StageWatch:
    """Adds up the time that stages work, each in threads of its own.

    Attributes:
        busy_s: stage → seconds.
    """

    def __init__(self) -> None:
        self.busy_s: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def timed(self, stage: str, work: Callable[..., Any], *arguments: object) -> Any:
        """What the work gives; its time is the stage's."""
        began = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            with self._lock:
                self.busy_s[stage] += time.perf_counter() - began

    def each(self, stage: str, items: Iterator[Any]) -> Iterator[Any]:
        """The items; the time that each takes to come is the stage's."""
        end = object()
        while (item := self.timed(stage, next, items, end)) is not end:
            yield item
