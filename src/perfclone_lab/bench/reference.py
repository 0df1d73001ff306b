"""The times that the paper states (Sec. 5), measured on this machine and stored as a reference.

`perfclone-lab bench reference` takes some minutes. What needs a library that is not there is left out, and the record says so: a
machine that is there to train has no need of video libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from perfclone.device import describe, find_device
from perfclone.files import write_json
from perfclone.training.settings import Profile

from ..ledger.judging import StoredRun
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


def store_stated_times(data: Path, device: str, profile: Profile, seconds: float) -> None:
    """Measure at a profile's settings, for so many seconds each timing, and store in `data/reference`."""
    place, settings = find_device(device), profile.settings
    train, clone = bench_train(settings, place, seconds), bench_clone(settings, place, seconds)
    capture, why = if_possible(lambda: bench_capture(data / "actors" / "eve.mp4"))
    times = stated_times(train, clone, capture, settings.steps)
    left_out = {"capture": why} if why else {}
    if "encoder" not in clone["stages_ms"]:
        left_out["encoder"] = "there is no av here"
    write_json(data / "reference" / FAMILY / "record.json", {
        "family": FAMILY,
        "profile": profile.name,
        "device": describe(place),
        "commit": train["commit"] or "unknown",
        "command": f"perfclone-lab bench reference --device {place.type} --profile {profile.name} --seconds {seconds:g}",
        "runs": [asdict(StoredRun("times", "ours", "nobody", None, "none", times))],
        "records": {"train": train, "clone": clone} | ({"capture": capture} if capture else {}),
        "left_out": left_out,
        "files": {},
    })  # fmt: skip
