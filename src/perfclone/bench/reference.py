"""The times that the paper states (Sec. 5), measured on this machine and stored as a reference.

`python -m perfclone.bench.reference` takes some minutes. What needs a library that is not there is left out, and the record says so: a
machine that is there to train has no need of video libraries.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from ..device import describe, find_device
from ..experiments.ledger import StoredRun
from ..files import write_json
from ..training import PROFILES
from .cloning import bench_capture, bench_clone
from .training import bench_train

FAMILY = "online-cloning"


def stated_times(train: Mapping, clone: Mapping, capture: Mapping | None, steps: int) -> dict[str, float]:
    """The paper's numbers, out of three records of the bench.

    Args:
        train, clone, capture: of `bench_train`, `bench_clone` and `bench_capture`; without the last there are no times with poses.
        steps: of a whole training.

    Returns:
        `pose_ms` and `generator_ms`, a frame; `total_ms`, their sum, as the paper adds them; `training_hours`; and
        `frames_per_second_on_two_devices`, which take frames in turn.
    """
    generator = clone["stages_ms"]["generator"]
    times = {"generator_ms": generator, "training_hours": steps * train["ours"]["median_ms"] / 3.6e6}
    if capture is None:
        return times
    pose = capture["stages_ms"]["pose"]
    total = pose + generator
    return times | {"pose_ms": pose, "total_ms": total, "frames_per_second_on_two_devices": 2000 / total}


def if_possible(measure: Callable[[], dict]) -> tuple[dict | None, str | None]:
    """A record and None, or None and which library is missing."""
    try:
        return measure(), None
    except ModuleNotFoundError as error:
        return None, f"there is no {error.name} here"


def frames_per_second(pose_ms: float, generator_ms: float) -> dict[str, float]:
    """What two stages allow: `one device` does both; of `two in a row` each does one; `two in turn` share the frames."""
    total = pose_ms + generator_ms
    return {"one device": 1000 / total, "two in a row": 1000 / max(pose_ms, generator_ms), "two in turn": 2000 / total}


def main() -> None:
    """Measure, by default at the paper's settings, and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--profile", default="paper", choices=PROFILES)
    parser.add_argument("--seconds", type=float, default=120, help="for each timing (default: 120)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the repository's data folder")
    args = parser.parse_args()
    device, settings = find_device(args.device), PROFILES[args.profile].settings
    train, clone = bench_train(settings, device, args.seconds), bench_clone(settings, device, args.seconds)
    capture, why = if_possible(lambda: bench_capture(args.data / "actors" / "eve.mp4"))
    times = stated_times(train, clone, capture, settings.steps)
    left_out = {"capture": why} if why else {}
    if "encoder" not in clone["stages_ms"]:
        left_out["encoder"] = "there is no av here"
    write_json(args.data / "reference" / FAMILY / "record.json", {
        "family": FAMILY,
        "profile": args.profile,
        "device": describe(device),
        "commit": train["commit"] or "unknown",
        "command": f"python -m perfclone.bench.reference --device {device.type} --profile {args.profile} --seconds {args.seconds:g}",
        "vgg": {"name": "stand-in, of the same cost", "genuine": False},
        "runs": [asdict(StoredRun("times", "ours", "nobody", None, "none", times))],
        "records": {"train": train, "clone": clone} | ({"capture": capture} if capture else {}),
        "left_out": left_out,
        "files": {},
    })  # fmt: skip


if __name__ == "__main__":
    main()
