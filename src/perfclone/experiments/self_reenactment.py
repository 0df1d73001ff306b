"""Self-reenactment (Sec. 5.2): train on two thirds of a video, drive the actor with the last third, compare with the truth.

`python -m perfclone.experiments.self_reenactment data/actors/dee.mp4 --unpaired data/actors/eve.mp4 --profile quick`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..baselines import retrieve
from ..capture import Performance, capture
from ..cloning import generate_sequence
from ..metrics import foreground_rmse, rmse, ssim
from ..training import PROFILES, Actor, TrainSettings, split, train

FOREGROUND = 128
"""Mask values from here up belong to the performer."""
NOT_WHITE = 230
"""A pixel with a channel below this is not background."""


def self_reenactment(
    performance: Performance,
    unpaired: Sequence[Performance] = (),
    *,
    profile: str = "quick",
    settings: TrainSettings | None = None,
    seed: int = 0,
    device: str = "auto",
    kind: str = "chronological",
) -> tuple[dict, Actor]:
    """Errors of the method and of the nearest neighbour on the part of a video that was not trained on.

    Args:
        performance: the actor's whole video.
        unpaired: performances of others only (A18).
        profile, settings, seed, device: see `train`.
        kind: of `split` (A16).

    Returns:
        The result and the trained actor. The result has the RMSE in 8-bit units at the network's own size, over the test
        frames in which somebody is seen, as `ours` and `nearest_neighbour`, their `ratio`, the same as `*_foreground` and
        `*_ssim`, and what they were made from.
    """
    train_parts, test_parts = ([performance[s] for s in slices] for slices in split(len(performance), kind))
    actor = train(train_parts, unpaired, profile=profile, settings=settings, seed=seed, device=device)
    size = actor.settings.size
    truth, masks, clone, nearest = [], [], [], []
    reference = np.concatenate([part.frames(size) for part in train_parts])
    for part in test_parts:
        seen = part.poses.seen
        truth.append(part.frames(size)[seen])
        masks.append(part.masks(size)[seen] >= FOREGROUND)
        clone.append(generate_sequence(actor, part.poses)[seen])
        nearest.append(retrieve(part.poses.joints[seen], actor.joints, reference))
    truth, masks, clone, nearest = map(np.concatenate, (truth, masks, clone, nearest))
    result = {
        "ours": rmse(clone, truth),
        "nearest_neighbour": rmse(nearest, truth),
        "ours_foreground": foreground_rmse(clone, truth, departs_from_white(clone), masks),
        "nearest_neighbour_foreground": foreground_rmse(nearest, truth, departs_from_white(nearest), masks),
        "ours_ssim": ssim(clone, truth),
        "nearest_neighbour_ssim": ssim(nearest, truth),
        "test_frames": len(truth),
        "unit": f"RMSE in 8-bit units at {size}×{size}, on white",
        "split": kind,
        "actor": actor.record,
    }
    result["ratio"] = result["ours"] / result["nearest_neighbour"]
    return result, actor


def departs_from_white(frames: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) uint8 → (T, H, W) bool: where a generated frame shows something, since G gives no mask."""
    return frames.min(-1) < NOT_WHITE


def main() -> None:
    """Print the result as JSON."""
    parser = argparse.ArgumentParser(description=self_reenactment.__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--unpaired", type=Path, action="append", default=[])
    parser.add_argument("--profile", default="quick", choices=PROFILES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    cut = PROFILES[args.profile].max_frames
    performance, *others = (capture(path, max_frames=cut) for path in [args.video, *args.unpaired])
    result, _ = self_reenactment(performance, others, profile=args.profile, seed=args.seed, device=args.device)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
