"""What an extractor finds in a whole video: poses, masks and the clean plate, before smoothing and alignment.

This is the slow part of a capture (20 to 60 ms a frame), so it can be kept beside a video: see `export_extraction`.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import video as files
from ..errors import InputError
from ..files import replacing
from ..progress import progress
from ..skeleton import J, PoseTrack
from . import archive
from . import mediapipe_extractor as mediapipe_extractor  # registers the default extractor
from .extractor import EXTRACTORS, Extractor, Follower, Person, SecondLook, WithMasks, distinct
from .masks import Refiner, clean_plate, decode_mask, encode_mask
from .openpose import OpenPoseExtractor
from .settings import CaptureSettings

SURVEY_FRAMES = 100
"""At most so many evenly spaced frames decide whether there is anybody to capture."""

TRACKING_FPS = 12
"""At fewer frames a second MediaPipe's own tracking takes the place of our smoothing; see `MediapipeExtractor`."""

PLATE_FRAMES = 40
"""At most so many of them make the clean plate."""

COMPANY = 0.4
"""Somebody at least this share of the followed person's size is company."""

COMPANY_SHARE = 0.05
"""Company in more than this share of the frames is worth a notice."""

MASK_BLOCK = 256
"""Frames whose masks are compressed together in a file."""

JOINT_STEP = 1 / 64
"""Joints are kept in steps of this many source pixels, a hundredth of their error. So a file takes a third less room."""

CONFIDENCE_STEP = 1 / 256
"""Confidences are kept in steps of this much."""

WORKING_SIDE = 960
"""Poses and masks are sought in frames shrunk to at most this many pixels a side, since the aligned frame has 256."""


@dataclass(frozen=True)
class Extraction:
    """The followed person in every frame of a video.

    Attributes:
        poses: in source pixels, all that the extractor reported with its confidence; NaN where nothing.
        masks: a 1-bit PNG of (h, w) a frame, the source at working size.
        company: (T,) bool, somebody else of a noticeable size is in the frame.
        plate: (h, w, 3) uint8, the background without the person.
        size: (width, height) of the source in pixels.
    """

    poses: PoseTrack
    masks: tuple[bytes, ...]
    company: np.ndarray
    plate: np.ndarray
    size: tuple[int, int]

    def __getitem__(self, frames: slice) -> Extraction:
        return Extraction(self.poses[frames], self.masks[frames], self.company[frames], self.plate, self.size)


def known(poses: PoseTrack, min_confidence: float) -> np.ndarray:
    """(T, 18, 2) joints with those of less confidence missing."""
    return np.where((poses.confidence >= min_confidence)[..., None] & (poses.confidence > 0)[..., None], poses.joints, np.nan)


def check_seen(poses: PoseTrack, settings: CaptureSettings, video: str | Path) -> None:
    """InputError unless a person's neck and hip are seen in at least half of the frames."""
    seen = PoseTrack(known(poses, settings.min_confidence), poses.confidence, poses.times).seen
    advice = "use a video of one person, seen from head to feet in good light"
    if not seen.any():
        raise InputError(f"no person found in {video}; {advice}")
    if seen.mean() < 0.5:
        share = f"{seen.mean():.0%}"
        raise InputError(f"a person is found in only {share} of the frames of {video}, at least half are needed; {advice}")


def working_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) at which people are sought in frames of a size."""
    shrink = min(1.0, WORKING_SIDE / max(width, height))
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def at_working_size(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, shrunk to `working_size`; as it is where it is no larger."""
    import cv2

    height, width = frame.shape[:2]
    size = working_size(width, height)
    return frame if size == (width, height) else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class _Footage:
    """A video at working size, with the user's mask of each frame where there is one."""

    video: str | Path
    mask_video: str | Path | None
    max_frames: int | None
    info: files.VideoInfo
    count: int

    @classmethod
    def opened(cls, video: str | Path, mask_video: str | Path | None, max_frames: int | None) -> _Footage:
        info = files.probe(video)
        count = info.frames or sum(1 for _ in files.read_frames(video, max_frames))
        return cls(video, mask_video, max_frames, info, count if max_frames is None else min(count, max_frames))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) at work."""
        return working_size(self.info.width, self.info.height)

    @property
    def scale(self) -> tuple[float, float]:
        """Factors from source pixels to working pixels, (x, y)."""
        return self.size[0] / self.info.width, self.size[1] / self.info.height

    def frames(self) -> Iterator[tuple[float, np.ndarray, np.ndarray | None]]:
        """(seconds, (h, w, 3) uint8 frame, (h, w) uint8 mask of the user's or None)."""
        frames = files.read_frames(self.video, self.max_frames)
        if self.mask_video is None:
            yield from ((time_s, at_working_size(frame), None) for time_s, frame in frames)
            return
        for one, other in itertools.zip_longest(frames, files.read_frames(self.mask_video, self.max_frames)):
            if one is None or other is None:
                raise InputError(f"{self.mask_video} and {self.video} differ in their number of frames; make one mask a frame")
            if other[1].shape != one[1].shape:
                raise InputError(f"{self.mask_video} and {self.video} differ in size; make masks of the video's own size")
            mask = at_working_size(other[1]).mean(-1)
            yield one[0], at_working_size(one[1]), np.where(mask >= 128, 255, 0).astype(np.uint8)


def extract(
    video: str | Path,
    settings: CaptureSettings,
    *,
    max_frames: int | None = None,
    mask_video: str | Path | None = None,
    openpose: str | Path | None = None,
) -> Extraction:
    """Find the most prominent person of a video and follow them.

    The video is read twice: once to see in a sample of frames who is there and what is behind, then all of it.

    Raises:
        InputError: a file can't be used, or nobody is seen in at least half of the frames.
    """
    footage = _Footage.opened(video, mask_video, max_frames)
    with _extractor(footage, settings, openpose) as extractor:
        survey = _survey(footage, extractor, settings)
    tracking = footage.info.fps < TRACKING_FPS and not survey.company
    with _extractor(footage, settings, openpose, tracking) as extractor:
        if survey.company:
            extractor = SecondLook(extractor, survey.plate)
        refiner = Refiner(survey.plate) if settings.refine_masks and mask_video is None else None
        follower = Follower(survey.people, *footage.size)
        rows = []
        frames = progress(footage.frames(), footage.count, f"poses of {Path(video).name}")
        for index, (time_s, frame, mask) in enumerate(frames):
            people = distinct(extractor.people(index, frame))
            person = follower.choose(people, time_s)
            if mask is None:
                mask = _mask(frame, person, refiner)
            rows.append((time_s, person and replace(person, mask=None), encode_mask(mask), in_company(people, person)))
    extraction = _assembled(rows, survey.plate, footage)
    check_seen(extraction.poses, settings, video)
    return extraction


@dataclass(frozen=True)
class _Survey:
    """Who is in each of the frames looked at, whether there is company in a share worth a notice, and what is behind them."""

    people: list[list[Person]]
    company: bool
    plate: np.ndarray


def _survey(footage: _Footage, extractor: Extractor, settings: CaptureSettings) -> _Survey:
    """Look at evenly spaced frames, and at some of them again without those found."""
    sample = {round(index) for index in np.linspace(0, footage.count - 1, min(footage.count, SURVEY_FRAMES))}
    every = -(-len(sample) // PLATE_FRAMES)
    people, kept = [], {}
    for index, (_, frame, mask) in enumerate(footage.frames()):
        if index in sample:
            people.append(distinct(extractor.people(index, frame)))
            if (len(people) - 1) % every == 0:
                kept[index] = frame, _everybody(frame, people[-1]) if mask is None else mask
    best = [_foremost(found, footage) for found in people]
    check_seen(pose_track(np.arange(len(best)), best, (1.0, 1.0)), settings, footage.video)
    plate = clean_plate(*zip(*kept.values()))
    again = [SecondLook(extractor, plate).people(index, frame) for index, (frame, _) in kept.items()]
    company = np.mean([in_company(found, _foremost(found, footage)) for found in again])
    return _Survey(people, bool(company > COMPANY_SHARE), plate)


def _foremost(people: list[Person], footage: _Footage) -> Person | None:
    return max(people, key=lambda one: one.prominence(*footage.size), default=None)


def in_company(people: list[Person], person: Person | None) -> bool:
    """Whether somebody else of a noticeable size is among the people of a frame."""
    return person is not None and any(one is not person and one.size > COMPANY * person.size for one in people)


def _everybody(frame: np.ndarray, people: list[Person]) -> np.ndarray:
    """(h, w) uint8, 255 where there may be somebody."""
    masks = [np.where(one.mask >= 26, 255, 0).astype(np.uint8) for one in people if one.mask is not None]
    return np.maximum.reduce([np.zeros(frame.shape[:2], np.uint8), *masks])


def _mask(frame: np.ndarray, person: Person | None, refiner: Refiner | None) -> np.ndarray:
    if person is None or person.mask is None:
        return np.zeros(frame.shape[:2], np.uint8)
    return person.mask if refiner is None else refiner.refine(frame, person.mask)


def pose_track(times: np.ndarray, people: list[Person | None], scale: tuple[float, float]) -> PoseTrack:
    """The poses of one person (None where unseen) in source pixels, in the steps in which an extraction is kept.

    Args:
        times: (T,) float, seconds.
        people: T of them.
        scale: working over source pixels, (x, y).
    """
    joints = np.full((len(people), J, 2), np.nan, np.float32)
    confidence = np.zeros((len(people), J), np.float32)
    for index, person in enumerate(people):
        if person is not None:
            joints[index] = np.round(person.joints / scale / JOINT_STEP) * JOINT_STEP
            confidence[index] = np.round(person.confidence / CONFIDENCE_STEP) * CONFIDENCE_STEP
    return PoseTrack(joints, confidence, np.asarray(times, np.float64))


def _assembled(rows: list[tuple], plate: np.ndarray, footage: _Footage) -> Extraction:
    times, people, masks, company = zip(*rows)
    poses = pose_track(np.array(times), list(people), footage.scale)
    return Extraction(poses, masks, np.array(company), plate, (footage.info.width, footage.info.height))


@contextmanager
def _extractor(
    footage: _Footage, settings: CaptureSettings, openpose: str | Path | None, tracking: bool = False
) -> Iterator[Extractor]:
    """The extractor asked for; `tracking` as in `MediapipeExtractor`."""
    poses = None if openpose is None else OpenPoseExtractor(openpose, footage.scale)
    if poses is not None and footage.mask_video is not None:
        yield poses
        return
    with EXTRACTORS.find(settings.extractor)(tracking) as found:
        yield found if poses is None else WithMasks(poses, found)


def export_extraction(video: str | Path, settings: CaptureSettings = CaptureSettings()) -> Path:
    """Extract a video and keep the result beside it, where `capture` looks: `extractions/<hash>.zip`. Returns that path.

    Raises:
        InputError: as `extract`, or the place can't be written.
    """
    path = extraction_path(video, settings)
    with replacing(path) as temporary:
        save_extraction(temporary, extract(video, settings))
    return path


def extraction_path(video: str | Path, settings: CaptureSettings) -> Path:
    """Where the extraction of a video would lie: named by the video's content and the settings that matter."""
    return Path(video).parent / "extractions" / f"{files.content_hash(video)[:16]}-{settings.extraction_hash()}.zip"


def save_extraction(path: Path, extraction: Extraction) -> None:
    """Write one zip: `extraction.json`, `poses.npz`, `plate.png` and the masks, a bit a pixel, many frames in a member.

    Compressed together by LZMA, they take much less room than as many PNG files.
    """
    import cv2

    height, width = extraction.plate.shape[:2]
    about = {"frames": len(extraction.poses), "size": extraction.size, "working_size": (width, height)}
    poses, arrays = extraction.poses, io.BytesIO()
    np.savez(arrays, joints=poses.joints, confidence=poses.confidence, times=poses.times, company=extraction.company)
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("extraction.json", json.dumps(about))
        out.writestr("poses.npz", arrays.getvalue(), zipfile.ZIP_LZMA)
        out.writestr("plate.png", cv2.imencode(".png", extraction.plate[..., ::-1])[1].tobytes())
        for start in range(0, len(poses), MASK_BLOCK):
            block = [np.packbits(decode_mask(png) >= 128, axis=-1) for png in extraction.masks[start : start + MASK_BLOCK]]
            out.writestr(_mask_member(start), np.stack(block).tobytes(), zipfile.ZIP_LZMA)


def load_extraction(path: str | Path, max_frames: int | None = None) -> Extraction:
    """Read what `save_extraction` wrote, or its beginning.

    Raises:
        InputError: damaged.
    """
    import cv2

    with archive.damage(path, "delete it, then the poses are found anew"), zipfile.ZipFile(path) as source:
        about = archive.read_json(archive.read_member(source, "extraction.json", archive.MAX_JSON_BYTES))
        frames, size, (width, height) = int(about["frames"]), tuple(map(int, about["size"])), map(int, about["working_size"])
        if not 0 < frames <= archive.MAX_FRAMES or not 0 < max(width, height) <= WORKING_SIDE:
            raise ValueError("sizes out of range")
        arrays = archive.read_arrays(
            io.BytesIO(archive.read_member(source, "poses.npz", 400 * frames + 100_000)),
            {
                "joints": ((frames, J, 2), "<f4"),
                "confidence": ((frames, J), "<f4"),
                "times": ((frames,), "<f8"),
                "company": ((frames,), "|b1"),
            },
        )
        wanted = slice(0, frames if max_frames is None else min(frames, max_frames))
        masks = tuple(
            png
            for start in range(0, wanted.stop, MASK_BLOCK)
            for png in _read_masks(source, start, min(MASK_BLOCK, frames - start), width, height)
        )
        plate = archive.check_png(archive.read_member(source, "plate.png", archive.MAX_PNG_BYTES), width, height, "RGB")
        image = cv2.imdecode(np.frombuffer(plate, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        poses = PoseTrack(arrays["joints"], arrays["confidence"], arrays["times"])
        return Extraction(poses, masks, arrays["company"], image, size)[wanted]


def _mask_member(start: int) -> str:
    return f"masks/{start:06d}"


def _read_masks(source: zipfile.ZipFile, start: int, count: int, width: int, height: int) -> Iterator[bytes]:
    shape = count, height, -(-width // 8)
    data = archive.read_member(source, _mask_member(start), int(np.prod(shape)))
    for packed in np.frombuffer(data, np.uint8).reshape(shape):
        yield encode_mask(np.unpackbits(packed, axis=-1, count=width) * np.uint8(255))
