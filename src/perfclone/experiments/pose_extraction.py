"""How near pose extraction comes to the truth of rendered videos (Sec. 6: the method relies "heavily" on it).

`python -m perfclone.experiments.pose_extraction data/actors/*.mp4`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..capture import CaptureSettings, capture
from ..metrics import mask_iou, pck
from ..truth import load_truth, report
from ..video import content_hash

BLOCK = 256
"""Frames whose masks are compared at a time."""


def pose_extraction(video: str | Path, max_frames: int | None = None) -> dict:
    """Detection rate, PCK, joint error and mask IoU of a rendered video's capture.

    Returns:
        `frames`; `detected`, the share of frames in which the extractor itself sees somebody; `pck_visible` and `pck_all`
        at 0.2 of the torso, over the joints that can be seen and over all; `error_px`, the mean distance from the true
        joints in aligned pixels; `mask_iou` in the aligned frame, and its lowest; `scale` of the alignment, below 1 if
        nothing is enlarged.
    """
    as_found = capture(video, CaptureSettings(smoothing_s=0, max_gap_s=0), max_frames=max_frames)
    performance = capture(video, max_frames=max_frames)
    truth = load_truth(video)[: len(performance)]
    true = performance.alignment.points(truth.joints)
    joints = performance.poses.joints
    overlap = []
    for start in range(0, len(truth), BLOCK):
        part = slice(start, start + BLOCK)
        masks = [performance.alignment.image(mask.astype(np.uint8) * 255) >= 128 for mask in truth[part].masks()]
        overlap.append(mask_iou(performance[part].masks() >= 128, np.stack(masks)))
    overlap = np.concatenate(overlap)
    return {
        "video": Path(video).name,
        "sha256": content_hash(video),
        "frames": len(truth),
        "detected": float(as_found.poses.seen.mean()),
        "pck_visible": pck(joints, true, 0.2, truth.visible),
        "pck_all": pck(joints, true, 0.2),
        "error_px": float(np.nanmean(np.linalg.norm(joints - true, axis=-1))),
        "mask_iou": float(np.nanmean(overlap)),
        "mask_iou_lowest": float(np.nanmin(overlap)),
        "scale": performance.alignment.scale,
    }


def main() -> None:
    """Print a line of JSON a video, and keep all of them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--record", type=Path, metavar="FILE", help="JSON file for the results and what they were made with")
    args = parser.parse_args()
    report(map(pose_extraction, args.videos), args.record)


if __name__ == "__main__":
    main()
