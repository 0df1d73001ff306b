"""Cloning across actors against its truth, which only rendered actors have: the same motion performed by driver and actor.

`python -m perfclone.experiments.cross_actor data/actors/dee.mp4 data/actors/eve.mp4 data/across/dee-as-eve.mp4 --profile quick`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ..baselines import retrieve
from ..capture import Alignment, capture
from ..capture.alignment import body_size
from ..capture.flow import resize_square
from ..capture.performance import on_white
from ..cloning import generate_sequence
from ..metrics import foreground_rmse, rmse
from ..skeleton import FRAME, PoseTrack, trunk
from ..training import PROFILES, Actor, train
from ..truth import Truth, load_truth
from ..video import content_hash, read_frames
from .self_reenactment import FOREGROUND, departs_from_white


def cross_actor(actor: Actor, reference: Path, driving: Path, clip: Path) -> dict:
    """The error of a clone, in three steps from what the generator is to blame for to all of it.

    Three pose streams of the same motion drive the actor, and each clone is compared with the film of the actor's own body in
    this motion:

    - `true`: the joints of the actor's body in that film. What is wrong then is the generator's.
    - `driver`: the true joints of the driver. Added is that driver and actor differ in proportions.
    - `extracted`: what was extracted from the driver's video, as everywhere else. Added is what extraction gets wrong.

    A generator is used to the joints of the pose extractor, who puts a hip or an ear elsewhere than a rig does. True joints
    are therefore moved by the mean offset between extracted and true joints of the actor's own video (`habit`).

    Args:
        actor: trained on `reference`.
        reference, driving: rendered videos, with their truth beside them.
        clip: rendered, the actor in the beginning of the driving video's motion, with its truth.

    Returns:
        RMSE in 8-bit units at the network's own size, `true`, `driver`, `extracted`, the same as `*_foreground`, and
        `nearest_neighbour` for the extracted poses; and what they were made from.
    """
    own, driver, truth = capture(reference), capture(driving), load_truth(clip)
    offset, hips = habit(own.poses.joints, own.alignment.points(load_truth(reference).joints))
    alignment = method_alignment(Alignment(**truth.about["alignment"]), offset, hips)
    size, count = actor.settings.size, len(truth)
    frames, masks = true_frames(clip, truth, alignment, size)
    streams = {
        "true": alignment.points(truth.joints) + offset,
        "driver": driver.alignment.points(load_truth(driving).joints[:count]) + offset,
        "extracted": driver.poses.joints[:count],
    }
    result: dict = {}
    for name, joints in streams.items():
        clone = generate_sequence(actor, _track(joints, driver.poses.times[:count]))
        result[name] = rmse(clone, frames)
        result[f"{name}_foreground"] = foreground_rmse(clone, frames, departs_from_white(clone), masks)
    nearest = retrieve(streams["extracted"], actor.joints, own.frames(size))
    result["nearest_neighbour"] = rmse(nearest, frames)
    result["nearest_neighbour_foreground"] = foreground_rmse(nearest, frames, departs_from_white(nearest), masks)
    return result | {
        "frames": count,
        "unit": f"RMSE in 8-bit units at {size}×{size}, on white",
        "clip": {"name": clip.stem, "sha256": content_hash(clip)},
        "driving": {"name": driver.name, "sha256": driver.sha256},
        "actor": actor.record,
    }


def habit(extracted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, float]:
    """How the extractor sees a performer other than the rig has it.

    Args:
        extracted, true: (T, 18, 2) joints of the performer's own video, aligned pixels.

    Returns:
        (18, 2) float64 aligned pixels, the mean offset of each extracted joint from the true one; and the mean distance of the
        extracted hips over that of the true ones.
    """
    return np.nanmean(extracted - true, 0), body_size(extracted, "hip") / body_size(true, "hip")


def method_alignment(true: Alignment, offset: np.ndarray, hips: float) -> Alignment:
    """The alignment that a video would get from extracted joints, from the one that its true joints give (Sec. 3.1).

    Args:
        true: fitted to the true joints of the whole performance.
        offset, hips: see `habit`.
    """
    scale = true.scale / hips
    centre = np.mean(trunk(offset), 0)
    x, y = FRAME / 2 - centre - scale * true.source_points(np.full(2, FRAME / 2))
    return Alignment(float(scale), float(x), float(y))


def true_frames(clip: Path, truth: Truth, alignment: Alignment, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The film of the truth, cut out by its true masks: (T, size, size, 3) uint8 on white, and the masks, (T, size, size) bool."""
    frames, masks = [], []
    for (_, picture), mask in zip(read_frames(clip), truth.masks(), strict=True):
        mask = alignment.image(mask * np.uint8(255))
        cutout = np.dstack([alignment.image(picture), mask])
        frames.append(resize_square(on_white(cutout), size))
        masks.append(resize_square(mask, size) >= FOREGROUND)
    return np.stack(frames), np.stack(masks)


def _track(joints: np.ndarray, times: np.ndarray) -> PoseTrack:
    joints = joints.astype(np.float32)
    return PoseTrack(joints, (~np.isnan(joints).any(-1)).astype(np.float32), times)


def main() -> None:
    """Train on the whole of a video and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("reference", "driving", "clip"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--profile", default="quick", choices=PROFILES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    actor = train(capture(args.reference), [capture(args.driving)], profile=args.profile, seed=args.seed, device=args.device)
    print(json.dumps(cross_actor(actor, args.reference, args.driving, args.clip), indent=2))


if __name__ == "__main__":
    main()
