"""How near pose extraction comes to the truth of rendered videos (Sec. 6: the method relies "heavily" on it).

`perfclone-lab store pose-extraction`
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perfclone.capture import CaptureSettings, capture
from perfclone.metrics import mask_iou, pck
from perfclone.video import content_hash

from ..datasets.truth import load_truth, report

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


def store_pose_extraction(data: Path) -> None:
    """Print a line of JSON for each shipped video, and store all of them in `data/reference/pose-extraction`."""
    report(map(pose_extraction, sorted((data / "actors").glob("*.mp4"))), data / "reference" / "pose-extraction" / "record.json")
