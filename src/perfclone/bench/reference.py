"""The times that the paper states (Sec. 5), measured on this machine and stored as a reference.

`python -m perfclone.bench.reference`
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ..device import describe, find_device
from ..experiments.ledger import StoredRun
from ..files import write_json
from ..training import PROFILES
from .cloning import bench_capture, bench_clone
from .training import bench_train

FAMILY = "online-cloning"


def stated_times(train: Mapping, clone: Mapping, capture: Mapping, steps: int) -> dict[str, float]:
    """The paper's numbers, out of three records of the bench.

    Args:
        train, clone, capture: of `bench_train`, `bench_clone` and `bench_capture`.
        steps: of a whole training.

    Returns:
        `pose_ms` and `generator_ms`, a frame; `total_ms`, their sum, as the paper adds them; `training_hours`; and
        `frames_per_second_on_two_devices`, which take frames in turn.
    """
    pose, generator = capture["stages_ms"]["pose"], clone["stages_ms"]["generator"]
    return {
        "pose_ms": pose,
        "generator_ms": generator,
        "total_ms": pose + generator,
        "training_hours": steps * train["ours"]["median_ms"] / 3.6e6,
        "frames_per_second_on_two_devices": 2000 / (pose + generator),
    }


def frames_per_second(pose_ms: float, generator_ms: float) -> dict[str, float]:
    """What two stages allow: `one device` does both; of `two in a row` each does one; `two in turn` share the frames."""
    total = pose_ms + generator_ms
    return {"one device": 1000 / total, "two in a row": 1000 / max(pose_ms, generator_ms), "two in turn": 2000 / total}


def main() -> None:
    """Measure at the paper's settings and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=120, help="for each timing (default: 120)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the repository's data folder")
    args = parser.parse_args()
    device, settings = find_device(args.device), PROFILES["paper"].settings
    records = {
        "train": bench_train(settings, device, args.seconds),
        "clone": bench_clone(settings, device, args.seconds),
        "capture": bench_capture(args.data / "actors" / "eve.mp4"),
    }
    times = stated_times(**records, steps=settings.steps)
    write_json(args.data / "reference" / FAMILY / "record.json", {
        "family": FAMILY,
        "profile": "paper",
        "device": describe(device),
        "commit": records["train"]["commit"] or "unknown",
        "command": f"python -m perfclone.bench.reference --device {device.type}",
        "vgg": {"name": "stand-in, of the same cost", "genuine": False},
        "runs": [asdict(StoredRun("times", "ours", "nobody", None, "none", times))],
        "records": records,
        "files": {},
    })  # fmt: skip


if __name__ == "__main__":
    main()
