"""What there is to know about a video before it is used: length, rate, size of the performer, what is cropped, cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics import GAMMA
from ..skeleton import FRAME, JOINT
from .coverage import FULL, LIMBS
from .footage import Footage

EXTREMITIES = {
    "head": ("nose", "right_eye", "left_eye", "right_ear", "left_ear"),
    "right hand": ("right_wrist",),
    "left hand": ("left_wrist",),
    "right foot": ("right_ankle",),
    "left foot": ("left_ankle",),
}
"""What is cropped first, and the joints that tell."""

HAND_PX = 8.0
"""Pixels of the aligned frame, about as many centimetres, that hand, foot or hair reach beyond their joint."""

CUT_LEVELS = 3.0
"""Grey levels, of 255, that a picture changes by at a cut at least. Chosen with `CUT_SPIKE` on dee, eve and fin with pieces taken
out."""

CUT_SPIKE = 4.0
"""A cut changes the picture this many times as much as is usual around it."""

CUT_WINDOW_S = 0.5
"""Seconds before and after that are around it."""


@dataclass(frozen=True)
class VideoFacts:
    """One of the two videos.

    Attributes:
        name: of the video, without its ending.
        frames: how many.
        usable: in how many of them the trunk is found, as `PoseTrack.seen`.
        seconds: from the first frame to the end of the last.
        fps: average frames a second.
        width: of the video in pixels.
        height: of the video in pixels.
        person_px: pixels of the video from nose to ankles when standing upright; None if never seen.
        places: of the nose and of the ankles, medians, as shares of the picture's height from its top; None if never seen. All that a
            picture tells of how the camera was aimed, while its height and tilt stay unknown.
        enlarged: by how much the aligned frame enlarges the video; below 1 it shrinks it.
        unseen: extremity → share of the usable frames in which it is not found, be it cropped or hidden by the body.
        at_edge: extremity → share of the usable frames in which it is found at the video's edge or beyond.
        outside: share of the usable frames in which a joint lies outside the aligned frame, where it is lost.
        cuts: seconds at which another shot begins.
        step_px: pixels of the aligned frame that the fastest joint moves from a frame to the next, in all but the quickest 5 %.
        legs_to_trunk: length of a leg, thigh and lower leg, in trunks, as it appears in the image; None if never seen.
        notices: what the capture has to say.
    """

    name: str
    frames: int
    usable: int
    seconds: float
    fps: float
    width: int
    height: int
    person_px: float | None
    places: tuple[float | None, float | None]
    enlarged: float
    unseen: dict[str, float]
    at_edge: dict[str, float]
    outside: float
    cuts: tuple[float, ...]
    step_px: float | None
    legs_to_trunk: float | None
    notices: tuple[str, ...]


def facts(video: Footage, lengths: np.ndarray, steps: np.ndarray) -> VideoFacts:
    """Gather them.

    Args:
        video: the captured video.
        lengths: (12,) full lengths of the performer's limbs, `coverage.full_lengths`.
        steps: (T − 1,) how much its picture changes, `Footage.look`.
    """
    poses, seen = video.poses, video.poses.seen
    joints = poses.joints.astype(np.float64)
    ends = {name: joints[seen][:, [JOINT[joint] for joint in of]] for name, of in EXTREMITIES.items()}
    outside = ((joints < 0) | (joints > FRAME)).any((1, 2))
    leg, trunk = (sum(_length(lengths, part) for part in parts) for parts in (("thigh", "lower leg"), ("hip",)))
    return VideoFacts(
        name=video.name,
        frames=len(poses),
        usable=int(seen.sum()),
        seconds=float(poses.times[-1] - poses.times[0] + 1 / video.fps),
        fps=video.fps,
        width=video.size[0],
        height=video.size[1],
        person_px=_or_none(_upright(joints) / video.alignment.scale),
        places=tuple(_or_none(_height(video, names)) for names in (("nose",), ("right_ankle", "left_ankle"))),
        enlarged=video.alignment.scale,
        unseen={name: float(np.isnan(found).any(-1).all(-1).mean()) for name, found in ends.items()},
        at_edge={name: float(_at_edge(found, video).mean()) for name, found in ends.items()},
        outside=float(outside[seen].mean()),
        cuts=tuple(float(poses.times[k]) for k in cuts(steps, joints, video.fps)),
        step_px=_or_none(_step(joints)),
        legs_to_trunk=_or_none(leg / trunk),
        notices=video.notices,
    )


def cuts(steps: np.ndarray, joints: np.ndarray, fps: float) -> list[int]:
    """Numbers of the frames with which another shot begins: the picture changes at once and the pose is another afterwards.

    Args:
        steps: (T − 1,) grey levels by which each frame differs from the one before.
        joints: (T, 18, 2), pixels of the aligned frame; smoothing may have spread their jump over some frames.
        fps: frames a second.
    """
    window, reach = max(2, round(CUT_WINDOW_S * fps)), max(1, round(0.1 * fps))
    found = []
    for k in np.flatnonzero(steps > CUT_LEVELS):
        around = np.concatenate([steps[max(0, k - window) : k], steps[k + 1 : k + 1 + window]])
        before, after = joints[max(0, k - reach)], joints[min(len(joints) - 1, k + 1 + reach)]
        moved = np.linalg.norm(after - before, axis=-1)
        stayed = np.isfinite(moved).any() and np.nanmean(moved) < GAMMA
        if steps[k] > CUT_SPIKE * np.median(around) and not stayed:
            found.append(int(k) + 1)
    return found


def _at_edge(found: np.ndarray, video: Footage) -> np.ndarray:
    """(T, joints, 2) → (T,) bool, whether one of them is nearer to the video's edge than `HAND_PX`, or beyond."""
    near = HAND_PX / video.alignment.scale
    places = video.alignment.source_points(found)
    return ((places < near) | (places > np.array(video.size) - near)).any((-1, -2))


def _height(video: Footage, names: tuple[str, ...]) -> float:
    """Median of where these joints are, as a share of the picture's height from its top, NaN if they are never seen."""
    y = video.alignment.source_points(video.poses.joints[:, [JOINT[name] for name in names]])[..., 1] / video.size[1]
    return float(np.nanmedian(y)) if np.isfinite(y).any() else np.nan


def _upright(joints: np.ndarray) -> float:
    """Aligned pixels from nose to ankles, NaN if they are never seen together."""
    feet = joints[:, [JOINT["right_ankle"], JOINT["left_ankle"]], 1].mean(1)
    heights = feet - joints[:, JOINT["nose"], 1]
    return float(np.percentile(heights[~np.isnan(heights)], FULL)) if not np.isnan(heights).all() else np.nan


def _step(joints: np.ndarray) -> float:
    """Aligned pixels, the 95th percentile of what the fastest joint of a frame moves."""
    moved = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    fastest = np.nan_to_num(moved, nan=-1).max(1, initial=-1)
    return float(np.percentile(fastest[fastest >= 0], 95)) if (fastest >= 0).any() else np.nan


def _length(lengths: np.ndarray, part: str) -> float:
    return float(np.mean([lengths[k] for k, limb in enumerate(LIMBS) if limb.part == part]))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
