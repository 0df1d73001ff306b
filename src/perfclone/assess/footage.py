"""What an assessment needs of a video: its poses, and a look at its frames. Cut-outs are not needed, which saves most of the time."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..capture import Alignment, CaptureSettings, Performance, archive, capture
from ..capture.extraction import check_seen, extraction_path, load_extraction
from ..capture.pipeline import aligned_poses
from ..errors import InputError
from ..progress import progress
from ..skeleton import PoseTrack
from ..video import probe, read_frames

SIDE = 64
"""Side in pixels of the small grey pictures of which successive ones are compared."""


@dataclass(frozen=True, eq=False)
class Footage:
    """A captured video, or one of which only the poses are known.

    Attributes:
        name: of the video, without its ending.
        poses: in aligned pixels, as in `Performance.poses`.
        alignment: from the video's pixels to the aligned frame.
        notices: as in `Performance.notices`.
        fps: average frames a second.
        size: (width, height) of the video in pixels.
        source: where its frames come from, the video itself or, where that may be gone, its capture.
    """

    name: str
    poses: PoseTrack
    alignment: Alignment
    notices: tuple[str, ...]
    fps: float
    size: tuple[int, int]
    source: Path | Performance

    def look(self, wanted: Collection[int]) -> tuple[dict[int, np.ndarray], np.ndarray]:
        """Go through all frames once.

        Args:
            wanted: numbers of frames to bring along.

        Returns:
            Number → (256, 256, 3) uint8 RGB, the frame as aligned; and (T − 1,) float, by how many of 255 grey levels each
            frame differs from the one before, on average over a picture of `SIDE` pixels a side.

        Raises:
            InputError: the video or the capture is damaged.
        """
        if isinstance(self.source, Performance):
            pictures = {k: self.source[k : k + 1].scenes()[0] for k in wanted}
            return pictures, _steps(self.source.frames(SIDE)[..., 1].astype(np.int16))
        pictures, grey = {}, np.zeros((len(self.poses), SIDE, SIDE), np.int16)
        frames = progress(read_frames(self.source, len(grey)), len(grey), f"looking through {self.name}")
        for number, (_, frame) in enumerate(frames):
            small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            grey[number] = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
            if number in wanted:
                pictures[number] = self.alignment.image(frame)
        return pictures, _steps(grey)


def _steps(grey: np.ndarray) -> np.ndarray:
    """(T, SIDE, SIDE) → (T − 1,) mean absolute differences of successive pictures."""
    return np.array([np.abs(after - before).mean() for before, after in itertools.pairwise(grey)])


def check(source: Performance | str | Path) -> None:
    """InputError if it is neither captured nor a video that can be read: before minutes are spent on another one."""
    if not isinstance(source, Performance) and not Path(source).is_dir():
        probe(source)


def footage(source: Performance | str | Path) -> Footage:
    """Make ready what is to be assessed: a captured performance, a video, or the folder of a capture.

    Of a video beside which its extraction is kept, only the poses are taken. Any other is captured as `capture` does, so that
    the work is not done twice when it is trained or cloned afterwards.

    Raises:
        InputError: as `capture`, or nobody is seen in the part of a performance.
    """
    if isinstance(source, Performance) or Path(source).is_dir():
        return _captured(source if isinstance(source, Performance) else capture(source))
    path, settings = Path(source), CaptureSettings()
    kept = extraction_path(path, settings)
    if not kept.is_file():
        return replace(_captured(capture(path, settings)), source=path)
    extraction = load_extraction(kept)
    check_seen(extraction.poses, settings, path)
    poses, alignment, notices = aligned_poses(extraction, settings)
    return Footage(path.stem, poses, alignment, notices, _rate(poses, path), extraction.size, path)


def _captured(performance: Performance) -> Footage:
    with archive.damage(performance.folder, "delete the folder and capture the video again"):
        about = archive.read_json((performance.folder / "capture.json").read_bytes())
        width, height = map(int, about["video_size"])
    p = performance
    if not p.poses.seen.any():
        raise InputError(f"nobody is seen in this part of {p.name}; give one with the performer in view")
    return Footage(p.name, p.poses, p.alignment, p.notices, p.fps, (width, height), p)


def _rate(poses: PoseTrack, video: Path) -> float:
    """Frames a second, from the time stamps."""
    times = poses.times
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else float(probe(video).fps)
