"""A video cloned in one go: decode → pose, then generator → picture → encoder, each stage on workers of its own.

`capture` and `clone` keep what they find, cut-outs, masks and a clean plate, since trainings need them. To clone a video only its
poses are needed. Here nothing else is made of it, frames of it never wait in more than a short queue, and several frames' poses are
sought at a time. Poses have to be all there before the first frame can be generated, since alignment and smoothing take the whole video.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..capture import CaptureSettings
from ..capture.extraction import COMPANY_SHARE, TRACKING_FPS, Extraction, check_seen, extract, extraction_path, load_extraction
from ..capture.pipeline import aligned_poses
from ..capture.poses import extract_poses
from ..progress import progress
from ..skeleton import FRAME
from ..stages import StageWatch, ahead
from ..training import Actor
from ..video import VideoWriter, content_hash, probe
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
        extraction = extract_poses(video, workers, watch)
        if extraction.company.mean() <= COMPANY_SHARE:
            check_seen(extraction.poses, settings, video)
            return extraction, workers
    return watch.timed("pose", extract, video, settings), 1
