"""Cloning across actors against its truth, which only rendered actors have: the same motion performed by driver and actor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfclone.capture import Alignment, Performance, capture
from perfclone.capture.alignment import body_size, fit_alignment
from perfclone.capture.flow import resize_square
from perfclone.capture.performance import on_white
from perfclone.cloning.offline import generate_sequence
from perfclone.errors import InputError
from perfclone.metrics import foreground_mse, frame_mse
from perfclone.skeleton import BODY_JOINTS, FRAME, JOINT, PoseTrack, trunk
from perfclone.training import Actor
from perfclone.video import read_frames

from ..baselines import retrieve
from ..datasets.truth import Truth, load_truth
from .evaluation import FOREGROUND, departs_from_white, joined_frames, pose_found_again

DRIVER = "driver"
"""Name of the measure that says to whose dance a frame belongs."""
PREFIXES = {"true": "true_", "driver": "driver_", "extracted": ""}
"""Three pose streams of one dance → what the names of their measures begin with.

- `true`: the joints of the actor's own body in this motion. What is wrong then is the generator's, and the camera's, which is the driver's.
- `driver`: the true joints of the driver. Added is that driver and actor differ in proportions.
- `extracted`: what was extracted from the driver's video, as everywhere else. Added is what extraction gets wrong.
"""


@dataclass(frozen=True, eq=False)
class Dance:
    """The beginning of a driver's dance, as the actor's own body performs it.

    Attributes:
        frames: (T, size, size, 3) uint8 on white, the right answer.
        masks: (T, size, size) bool, where the actor is in it.
        streams: the poses of this motion, T of each of `PREFIXES`, in aligned pixels.
        seen: (T,) bool, whether somebody was found in the driver's frame. Only these frames are measured.
    """

    frames: np.ndarray
    masks: np.ndarray
    streams: Mapping[str, PoseTrack]
    seen: np.ndarray


def load_dance(reference: Path, driving: Path, clip: Path, size: int, max_frames: int | None = None) -> Dance:
    """The truth for a clone, and the poses to clone from.

    A generator is used to the joints of the pose extractor, who puts a hip or an ear elsewhere than a rig does. True joints
    are therefore moved by the mean offset between extracted and true joints of the actor's own video (`habit`).

    Args:
        reference, driving: rendered videos of the actor and of the driver, with their truth beside them.
        clip: rendered, the actor in the beginning of the driving video's motion, with its truth.
        size: side of the frames in pixels.
        max_frames: how much of each video is captured, and at most how much of the clip counts; None takes all.

    Raises:
        InputError: a file or its truth is missing, or the clip ends before `max_frames`.
    """
    own, driver = capture(reference, max_frames=max_frames), capture(driving, max_frames=max_frames)
    own_truth, motion, truth = load_truth(reference)[: len(own)], load_truth(driving), load_truth(clip)
    offset, hips = habit(own.poses.joints, own.alignment.points(own_truth.joints))
    alignment = method_alignment(alignment_in_motion(truth, len(driver), len(motion)), offset, hips)
    truth = truth[: len(driver)]
    frames, masks = true_frames(clip, truth, alignment, size)
    poses = driver.poses[: len(truth)]
    streams = {
        "true": _track(alignment.points(truth.joints) + offset, poses.times),
        "driver": _track(driver.alignment.points(motion.joints[: len(truth)]) + offset, poses.times),
        "extracted": poses,
    }
    return Dance(frames, masks, streams, poses.seen)


def apart(dance: Dance, a: str, b: str) -> np.ndarray:
    """(T, 13) float: how far the body joints of two streams lie apart, in pixels of the aligned frame."""
    one, other = (dance.streams[name].joints[:, list(BODY_JOINTS)] for name in (a, b))
    return np.linalg.norm(one - other, axis=-1)


def proportions(dance: Dance) -> dict[str, float]:
    """How long parts of the driver's body are in terms of the actor's, in the aligned frame and the same motion.

    Returns:
        `trunk`, `upper arm`, `thigh`, `shin`: the median length with the driver's joints over that with the actor's.
    """
    driver, own = (_lengths(dance.streams[name].joints) for name in ("driver", "true"))
    return {part: driver[part] / own[part] for part in own}


def _lengths(joints: np.ndarray) -> dict[str, float]:
    ends = {"trunk": trunk(joints)}
    for part, names in {"upper arm": ("shoulder", "elbow"), "thigh": ("hip", "knee"), "shin": ("knee", "ankle")}.items():
        ends[part] = [joints[:, [JOINT[f"{side}_{name}"] for side in ("left", "right")]] for name in names]
    return {part: float(np.nanmedian(np.linalg.norm(np.subtract(*of), axis=-1))) for part, of in ends.items()}


def measure(make: Callable[[PoseTrack], np.ndarray], dance: Dance) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """How near clones come to the film of the actor's own body in the same motion.

    Args:
        make: from T poses to (T, size, size, 3) uint8 frames on white.

    Returns:
        The clone of the `extracted` poses, and (T,) float64 each, NaN for a frame in which no driver was found:

        - `mse`, `foreground_mse` of that clone, in squared 8-bit units; the foreground is the union of true and generated
          performer. The same of the other streams as `true_mse`, `driver_mse` and so on.
        - `pck` of that clone, see `evaluation.pose_found_again`, against the poses that it was made from. `film_pck` is that
          of the right answer, whose limbs have the actor's lengths and not the driver's: no need to be better than that.
    """
    clones = {name: make(poses) for name, poses in dance.streams.items()}
    found = {}
    for name, clone in clones.items():
        prefix = PREFIXES[name]
        found[f"{prefix}mse"] = frame_mse(clone, dance.frames)
        found[f"{prefix}foreground_mse"] = foreground_mse(clone, dance.frames, departs_from_white(clone), dance.masks)
    joints = dance.streams["extracted"].joints
    found |= {"pck": pose_found_again(clones["extracted"], joints), "film_pck": pose_found_again(dance.frames, joints)}
    return clones["extracted"], {name: np.where(dance.seen, values, np.nan) for name, values in found.items()}


def measure_all(make: Callable[[PoseTrack], np.ndarray], dances: Sequence[Dance]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What `measure` gives, of one dance after the other; and `DRIVER`, the number of each frame's dance, from 0."""
    clones, found = zip(*(measure(make, dance) for dance in dances))
    measures = {name: np.concatenate([of_dance[name] for of_dance in found]) for name in found[0]}
    number = np.repeat(np.arange(len(dances), dtype=float), [len(dance.frames) for dance in dances])
    return np.concatenate(clones), measures | {DRIVER: number}


def by_driver(measures: Mapping[str, np.ndarray], drivers: Sequence[str]) -> Iterator[tuple[str, str, dict[str, np.ndarray]]]:
    """The measures that `measure_all` gave, of each dance from each stream by itself.

    Args:
        drivers: the names of the dances, in their order.

    Yields:
        Driver, stream, and the measures of the dance's frames: `mse`, `foreground_mse`, and where the stream has them the others.
    """
    for number, driver in enumerate(drivers):
        here = measures[DRIVER] == number
        for stream, prefix in PREFIXES.items():
            found = {name.removeprefix(prefix): measures[name][here] for name in (f"{prefix}mse", f"{prefix}foreground_mse")}
            poses = {name: measures[name][here] for name in ("pck", "film_pck")} if stream == "extracted" else {}
            yield driver, stream, found | poses


def cloner(actor: Actor) -> Callable[[PoseTrack], np.ndarray]:
    """The method, as `measure` takes it."""
    return lambda poses: generate_sequence(actor, poses)


def retriever(parts: Sequence[Performance], size: int) -> Callable[[PoseTrack], np.ndarray]:
    """The nearest neighbour among parts of the actor's video, as `measure` takes it (see `baselines.retrieve`)."""
    joints = np.concatenate([part.poses.joints for part in parts])
    frames = joined_frames(parts, size)
    return lambda poses: retrieve(poses.joints, joints, frames)


def habit(extracted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, float]:
    """How the extractor sees a performer other than the rig has it.

    Args:
        extracted, true: (T, 18, 2) joints of the performer's own video, aligned pixels.

    Returns:
        (18, 2) float64 aligned pixels, the mean offset of each extracted joint from the true one; and the mean distance of the
        extracted hips over that of the true ones.
    """
    return np.nanmean(extracted - true, 0), body_size(extracted, "hip") / body_size(true, "hip")


def alignment_in_motion(truth: Truth, captured: int, whole: int) -> Alignment:
    """What the actor's true joints in a driver's motion give, over as much of it as the driver's own alignment was fitted to.

    Args:
        truth: of the clip, whose `about` has the alignment of the whole motion.
        captured: frames of the driving video that are used.
        whole: frames that it has.

    Raises:
        InputError: the clip ends before the part that is used, which is not all.
    """
    if captured == whole:
        return Alignment(**truth.about["alignment"])
    if captured > len(truth):
        raise InputError(f"the clip has {len(truth)} frames: use at most these of the driving video, or all of it")
    return fit_alignment(truth.joints[:captured], "hip")


def method_alignment(true: Alignment, offset: np.ndarray, hips: float) -> Alignment:
    """The alignment that a video would get from extracted joints, from the one that its true joints give (Sec. 3.1).

    Args:
        true: fitted to the true joints, see `alignment_in_motion`.
        offset, hips: see `habit`.
    """
    scale = true.scale / hips
    centre = np.mean(trunk(offset), 0)
    x, y = FRAME / 2 - centre - scale * true.source_points(np.full(2, FRAME / 2))
    return Alignment(float(scale), float(x), float(y))


def true_frames(clip: Path, truth: Truth, alignment: Alignment, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The film of the truth, cut out by its true masks: (T, size, size, 3) uint8 on white, and the masks, (T, size, size) bool.

    Args:
        clip: the film, of which as many frames are read as `truth` has.
    """
    frames, masks = [], []
    for (_, picture), mask in zip(read_frames(clip, len(truth)), truth.masks(), strict=True):
        mask = alignment.image(mask * np.uint8(255))
        cutout = np.dstack([alignment.image(picture), mask])
        frames.append(resize_square(on_white(cutout), size))
        masks.append(resize_square(mask, size) >= FOREGROUND)
    return np.stack(frames), np.stack(masks)


def _track(joints: np.ndarray, times: np.ndarray) -> PoseTrack:
    joints = joints.astype(np.float32)
    return PoseTrack(joints, (~np.isnan(joints).any(-1)).astype(np.float32), times)
