"""`capture`: video → `Performance`, and the cache that spares doing it twice."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from filelock import FileLock

from ..errors import InputError
from ..files import cache_folder, replacing
from ..progress import progress
from ..skeleton import FRAME, OTHER_SIDE, PoseTrack
from ..video import content_hash, copy_audio, probe, read_frames
from .alignment import INSIDE, Alignment, fit_alignment, steadier_length
from .extraction import COMPANY_SHARE, Extraction, check_seen, extract, extraction_path, known, load_extraction
from .masks import decode_mask
from .performance import AUDIO, FORMAT, Performance, encode_cutout, load_performance, save_performance
from .settings import CAPTURE_VERSION, EXTRACTION_VERSION, CaptureSettings
from .smoothing import fill_gaps, left_right_swaps, smooth


def capture(
    video: str | Path,
    settings: CaptureSettings = CaptureSettings(),
    *,
    max_frames: int | None = None,
    mask_video: str | Path | None = None,
    openpose: str | Path | None = None,
    out: str | Path | None = None,
) -> Performance:
    """Poses, masks and alignment of the performer in a video (Sec. 3.1), found once and then kept.

    A capture is kept in the cache (`PERFCLONE_CACHE`, or the user's cache folder), under the video's content and all of the
    arguments; with `out` it is put there instead. The folder of a capture may be given in place of a video.

    Args:
        video: a video of one performer, the camera at rest; or the folder of a capture.
        settings: see `CaptureSettings`.
        max_frames: use the video's beginning only.
        mask_video: the user's own mask, white on black, of the video's size and number of frames.
        openpose: a folder of OpenPose's JSON files, one a frame, in place of the default extractor.
        out: a folder for the capture, made if missing.

    Raises:
        InputError: a file can't be used or written, or no person is seen in at least half of the frames.
    """
    if Path(video).is_dir():
        if any(option is not None for option in (mask_video, openpose, out)):
            raise InputError(f"{video} is captured already; give the video itself to capture it in another way")
        return load_performance(video)[:max_frames]
    if max_frames is not None and max_frames < 1:
        raise InputError(f"max_frames is {max_frames}; give at least 1")
    probe(video)
    key = _key(video, settings, max_frames, mask_video, openpose)

    def make(folder: Path) -> Performance:
        with replacing(folder, folder=True) as temporary:
            _capture(video, settings, max_frames, mask_video, openpose, key, temporary)
        return load_performance(folder)

    if out is not None:
        return _existing(Path(out), key) or make(Path(out))
    folder = cache_folder("captures") / f"{Path(video).stem[:40]}-{key[:16]}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder.parent / f"{key[:16]}.lock").acquire()
    except OSError as error:
        raise InputError(f"the cache {folder.parent} can't be written; set PERFCLONE_CACHE to another folder") from error
    with held:
        try:
            return load_performance(folder)
        except InputError:  # not there yet, or damaged
            shutil.rmtree(folder, ignore_errors=True)
            return make(folder)


def _existing(folder: Path, key: str) -> Performance | None:
    """The capture that `folder` holds already, if it is the one asked for."""
    if not folder.exists() or folder.is_dir() and not any(folder.iterdir()):
        return None
    if folder.is_dir() and (folder / "capture.json").is_file():
        performance = load_performance(folder)
        if performance.key == key:
            return performance
    raise InputError(f"{folder} is there already and holds something else; give another folder or delete it")


def _key(video, settings: CaptureSettings, max_frames: int | None, mask_video, openpose) -> str:
    """sha256 over all that a capture depends on."""
    digest = hashlib.sha256()
    for path in sorted(Path(openpose).glob("*.json")) if openpose is not None else ():
        digest.update(f"{path.name} {content_hash(path)}\n".encode())
    about = {
        "versions": (FORMAT, EXTRACTION_VERSION, CAPTURE_VERSION),
        "video": content_hash(video),
        "settings": asdict(settings),
        "max_frames": max_frames,
        "mask_video": mask_video and content_hash(mask_video),
        "openpose": openpose and digest.hexdigest(),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _capture(video, settings: CaptureSettings, max_frames, mask_video, openpose, key: str, folder: Path) -> None:
    extraction = _extraction(video, settings, max_frames, mask_video, openpose)
    poses, alignment, notices = aligned_poses(extraction, settings)
    performance = Performance(
        name=Path(video).stem,
        sha256=content_hash(video),
        poses=poses,
        alignment=alignment,
        notices=notices,
        fps=_fps(poses.times, video),
        folder=folder,
        plate=alignment.image(extraction.plate, extraction.size),
        key=key,
        flow_estimator=settings.flow,
    )
    provenance = {"settings": asdict(settings), "video_size": extraction.size}
    save_performance(folder, performance, _cutouts(video, extraction, performance), provenance)
    copy_audio(video, folder / AUDIO)


def _extraction(video, settings: CaptureSettings, max_frames, mask_video, openpose) -> Extraction:
    """Kept beside the video, or made."""
    kept = extraction_path(video, settings)
    if mask_video is None and openpose is None and kept.is_file():
        extraction = load_extraction(kept, max_frames)
        check_seen(extraction.poses, settings, video)
        return extraction
    return extract(video, settings, max_frames=max_frames, mask_video=mask_video, openpose=openpose)


def aligned_poses(extraction: Extraction, settings: CaptureSettings) -> tuple[PoseTrack, Alignment, tuple[str, ...]]:
    """Poses in the aligned frame, sides put right, gaps filled and smoothed; the alignment; what the user should be told."""
    raw = with_right_sides(extraction.poses, settings)
    joints = fill_gaps(known(raw, settings.min_confidence), raw.times, settings.max_gap_s)
    alignment = fit_alignment(joints, settings.align_by)
    joints = smooth(alignment.points(joints), raw.times, settings.smoothing_s)
    poses = PoseTrack(joints.astype(np.float32), raw.confidence, raw.times)
    return poses, alignment, tuple(_notices(extraction, joints, settings))


def with_right_sides(poses: PoseTrack, settings: CaptureSettings) -> PoseTrack:
    """The poses with left and right exchanged where the extractor took them for each other for a moment."""
    wrong = left_right_swaps(known(poses, settings.min_confidence), poses.times)
    joints, confidence = poses.joints.copy(), poses.confidence.copy()
    joints[wrong], confidence[wrong] = joints[wrong][:, OTHER_SIDE], confidence[wrong][:, OTHER_SIDE]
    return PoseTrack(joints, confidence, poses.times)


def _notices(extraction: Extraction, joints: np.ndarray, settings: CaptureSettings) -> Iterator[str]:
    company = float(extraction.company.mean())
    if company > COMPANY_SHARE:
        yield f"a second person is in {company:.0%} of the frames; the larger, more central one is followed"
    if settings.align_by == "auto" and steadier_length(joints) == "torso":
        yield "the hips are no measure of the performer's size here (seen from the side, or in a skirt); the torso is taken"
    inside = ((joints >= 0) & (joints <= FRAME) | np.isnan(joints)).all((1, 2)).mean()
    if inside < INSIDE:
        yield f"hands or feet leave the aligned frame in {1 - inside:.0%} of the frames" + (
            "" if settings.align_by == "auto" else '; try align_by="auto"'
        )


def _fps(times: np.ndarray, video: str | Path) -> float:
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else float(probe(video).fps)


def _cutouts(video: str | Path, extraction: Extraction, performance: Performance) -> Iterator[bytes]:
    """The aligned cut-out of each frame as a PNG; the second pass over the video."""
    count, align = len(extraction.poses), performance.alignment
    frames = progress(read_frames(video, count), count, f"cut-outs of {performance.name}")
    number = -1
    for number, (_, frame) in enumerate(frames):
        mask = align.image(decode_mask(extraction.masks[number]), extraction.size)
        yield encode_cutout(np.dstack([align.image(frame), mask]))
    if number + 1 != count:
        raise InputError(f"{video} has {number + 1} frames where {count} were expected; copy or export it again")
