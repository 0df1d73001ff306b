"""Poses alone, without masks and a clean plate, in several frames at a time: all that cloning a video needs of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from ..progress import progress
from ..stages import StageWatch, in_order
from ..video import probe, read_frames
from .extraction import SURVEY_FRAMES, Extraction, at_working_size, in_company, pose_track, working_size
from .extractor import Follower, Person, distinct
from .mediapipe_extractor import MediapipeExtractor, coco_joints


def extract_poses(video: str | Path, workers: int, watch: StageWatch | None = None) -> Extraction:
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
        for time_s, people in in_order(jobs, lambda frame: watch.timed("pose", people_in, frame), workers):
            times.append(time_s)
            found.append(people)
    survey = sorted({round(index) for index in np.linspace(0, len(found) - 1, min(len(found), SURVEY_FRAMES))})
    follower = Follower([found[index] for index in survey], *size)
    chosen = [follower.choose(people, time_s) for people, time_s in zip(found, times, strict=True)]
    poses = pose_track(np.array(times), chosen, (size[0] / info.width, size[1] / info.height))
    company = np.array([in_company(people, one) for people, one in zip(found, chosen, strict=True)])
    return Extraction(poses, (), company, np.zeros((size[1], size[0], 3), np.uint8), (info.width, info.height))


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
