"""A budget in time: from "within 20 minutes" on this machine to a size, a width and a number of steps.

What is chosen are ordinary settings, counted in steps. They are kept, so that the same command, given again, goes on with the same
training however fast the machine is then.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from .capture import Performance
from .errors import InputError
from .files import cache_folder, write_json
from .rehearsal import rehearsal, stepper, timed
from .training import PROFILES, TrainSettings
from .training.actor import generate
from .training.checkpoint import save_checkpoint
from .training.settings import stored_settings

MEASURING_S = 6.0
"""For so many seconds a candidate's steps are timed, or for a twentieth of the budget if that is less."""

SAVES = 20
"""Checkpoints of a training, each with its samples (`training.loop`)."""

PICTURE_S = 0.010
"""What a frame of the clone takes beside G, for its picture and its encoding, in seconds on two CPU cores."""

READ = 256
"""Frames that are read to see how long reading takes."""


@dataclass(frozen=True)
class Rung:
    """A network on the ladder.

    Attributes:
        settings: all but the number of steps.
        least: steps below which the next smaller network is taken.
    """

    settings: TrainSettings
    least: int


_home = PROFILES["home"].settings
LADDER = (
    Rung(PROFILES["quick"].settings, 1),
    Rung(_home, 1_200),
    Rung(replace(_home, width=32), 4_000),
    Rung(replace(_home, size=256, width=64, patch_layers=3), 8_000),
)
"""From the smallest network up. The first two are those of `quick` and `home`; how many steps each needs before it beats a smaller one
with more steps is a rule of thumb by the profiles, and has not been measured."""

GAIN = 3.0
"""A larger network may do its operations so many times as fast as the one before. Where even that were not enough it is not tried."""

LONGEST = PROFILES["paper"].settings.steps
"""No training gets more steps than the paper's."""


@dataclass(frozen=True)
class Choice:
    """What was chosen for a budget.

    Attributes:
        settings: ordinary ones, counted in steps.
        within_s: the budget in seconds.
        predicted_s: how long it will take from when it was chosen, by what was measured.
        why: in words.
    """

    settings: TrainSettings
    within_s: float
    predicted_s: float
    why: str


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `20m`, `1h` or `1h30m`. ValueError for anything else, and for less than ten seconds or more than a week."""
    found = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", text.strip().lower())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not 10 <= total <= 7 * 24 * 3600:
        raise ValueError(f"{text!r} is no time from 10s to 168h, such as 90s, 20m or 1h30m")
    return float(total)


def choose(
    within_s: float,
    reference: Performance,
    unpaired: Sequence[Performance],
    device: torch.device,
    *,
    seed: int = 0,
    began: float | None = None,
    cloned: int = 0,
) -> Choice:
    """The settings for a training that ends in time, chosen once and then kept in the cache.

    Flow that is not there yet is found first, since the training would do so. Then steps of each candidate are timed, from the
    smallest network up, until one does not get enough of them.

    Args:
        within_s: the budget in seconds.
        reference, unpaired: what will be trained on.
        device: where.
        seed: of the training; another one may get another choice.
        began: when the time began to run, by `time.perf_counter`; by default now. What was captured since counts.
        cloned: frames that will be generated afterwards, within the budget.

    Raises:
        InputError: the time is not enough for a single step.
    """
    began = time.perf_counter() if began is None else began
    kept = cache_folder("budgets") / f"{_key(within_s, reference, unpaired, device, seed, cloned)}.json"
    if (choice := _kept(kept)) is not None:
        return choice
    for one in unpaired:
        one[:2].flow(64)  # finds and keeps the whole video's, if it is not there yet
    read_s = _reading_s([reference, *unpaired])
    chosen, before = None, None
    for rung in LADDER:
        left = began + within_s - time.perf_counter() - read_s
        if before is not None and left / _hoped_s(rung, *before) < rung.least:
            break
        times = _StepTimes.measured(rung.settings, min(MEASURING_S, within_s / 20), bool(unpaired), device)
        left = began + within_s - time.perf_counter() - read_s
        beside = SAVES * times.save_s + cloned * (times.frame_s + PICTURE_S)
        steps = min(int((left - beside) / times.mean_s), LONGEST)
        if steps < rung.least:
            break
        before, chosen = (rung, times), _choice(rung, steps, times, beside + read_s, within_s)
    if chosen is None:
        gone = time.perf_counter() - began
        raise InputError(
            f"no time is left for a training within {within_s:.0f} s, since capturing and measuring took {gone:.0f} s and reading takes"
            f" {read_s:.0f} s; give more, or the same again now that the videos are captured"
        )
    write_json(kept, asdict(chosen))
    return chosen


def _hoped_s(rung: Rung, smaller: Rung, times: _StepTimes) -> float:
    """What a step would take at best: operations grow as (size · width)²."""
    here, there = (one.settings.size * one.settings.width for one in (rung, smaller))
    return times.mean_s * (here / there) ** 2 / GAIN


def _choice(rung: Rung, steps: int, times: _StepTimes, beside_s: float, within_s: float) -> Choice:
    s = rung.settings
    above = "it is the largest network there is" if rung is LADDER[-1] else "the next larger network would get too few steps"
    why = (
        f"within {within_s:.0f} s: {s.size}×{s.size}, width {s.width}, {steps} steps; a step takes {1000 * times.mean_s:.0f} ms here,"
        f" and reading, checkpoints and cloning {beside_s:.0f} s; {above}"
    )
    return Choice(replace(s, steps=steps), within_s, steps * times.mean_s + beside_s, why)


@dataclass(frozen=True)
class _StepTimes:
    """Seconds of a step, in the mean of warm-up and after; of a checkpoint with its samples; of a generated frame."""

    mean_s: float
    save_s: float
    frame_s: float

    @classmethod
    def measured(cls, settings: TrainSettings, seconds: float, both: bool, device: torch.device) -> _StepTimes:
        task = rehearsal(settings, device)
        kinds = [stepper(task, both=False), *([stepper(task)] if both else [])]
        times = [timing.mean_s for timing in timed(*kinds, seconds=seconds, device=device, warm_up=1, least=2)]
        joints = task.paired.joints[: 8 * settings.window].reshape(8, settings.window, 18, 2)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            (saved,) = timed(lambda: _save(task, path), seconds=0, device=device, warm_up=0, least=1)
        (made,) = timed(lambda: generate(task.generator, joints, settings), seconds=0, device=device, warm_up=1, least=2)
        share = settings.warmup_share if both else 1.0
        mean = share * times[0] + (1 - share) * times[-1]
        return cls(mean, saved.median_s, made.median_s / (8 * settings.window))


def _save(task, path: Path) -> None:
    save_checkpoint(path, task.nets, task.optimisers, 0, [])
    task.samples()


def _reading_s(performances: Sequence[Performance]) -> float:
    """How long it takes to read the frames of all of them."""
    total = 0.0
    for one in performances:
        part = one[:READ]
        began = time.perf_counter()
        part.frames(64)
        total += (time.perf_counter() - began) / len(part) * len(one)
    return total


def _key(
    within_s: float, reference: Performance, unpaired: Sequence[Performance], device: torch.device, seed: int, cloned: int
) -> str:
    """What a choice is kept under."""
    sources = [(one.key, one.first, len(one)) for one in (reference, *unpaired)]
    about = [within_s, sources, device.type, seed, cloned]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _kept(path: Path) -> Choice | None:
    """A choice made before; None if there is none, or it can't be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Choice(**found | {"settings": stored_settings(found["settings"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
