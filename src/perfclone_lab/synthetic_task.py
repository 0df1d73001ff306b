"""A training on made-up data, for how long its steps take: what is in the pictures makes no difference to that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from perfclone.training import TrainSettings
from perfclone.training.batches import PairedData, UnpairedData
from perfclone.training.two_branches import TwoBranches

FRAMES = 64
"""Of each made-up video."""


@dataclass(frozen=True)
class Timing:
    """How long something took, again and again.

    Attributes:
        times_s: (n,) seconds, in order.
    """

    times_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """The usual time in seconds."""
        return float(np.median(self.times_s))

    @property
    def mean_s(self) -> float:
        """The mean in seconds, which is what many of them take each."""
        return float(np.mean(self.times_s))

    @property
    def spread_s(self) -> tuple[float, float]:
        """The 10th and the 90th percentile in seconds."""
        low, high = np.percentile(self.times_s, [10, 90])
        return float(low), float(high)


def timed(*steps: Callable[[], object], seconds: float, device: torch.device, warm_up: int = 2, least: int = 3) -> list[Timing]:
    """Time several things in turn, once each and then again, so that whatever else the machine does meets them all.

    Args:
        steps: what is timed.
        seconds: for how long in all, the warm-up not counted.
        device: waited for after each, if it is a CUDA device.
        warm_up: times that each is done before.
        least: times that each is timed, whatever that takes.
    """
    for step in steps:
        for _ in range(warm_up):
            step()
    taken: list[list[float]] = [[] for _ in steps]
    end = time.perf_counter() + seconds
    while len(taken[-1]) < least or time.perf_counter() < end:
        for step, times in zip(steps, taken, strict=True):
            _wait_for(device)
            began = time.perf_counter()
            step()
            _wait_for(device)
            times.append(time.perf_counter() - began)
    return [Timing(tuple(times)) for times in taken]


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def made_up_poses(frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """(frames, 18, 2) float32 joints that lie in the aligned frame and move a little."""
    random = np.random.default_rng(seed)
    return (random.uniform(60, 196, (1, 18, 2)) + random.normal(0, 3, (frames, 18, 2))).astype(np.float32)


def synthetic_task(settings: TrainSettings, device: torch.device, task: type[TwoBranches] = TwoBranches) -> TwoBranches:
    """The paper's method with both of its branches on made-up videos. torch's random state is left as it was.

    Args:
        task: the method, or a form of it.
    """
    random = np.random.default_rng(0)
    size, window = settings.size, settings.window
    frames = torch.from_numpy(random.integers(0, 256, (FRAMES, 3, size, size), np.uint8)).to(device)
    joints = torch.from_numpy(made_up_poses()).to(device)
    length = max(window, 2)
    starts = torch.arange(FRAMES - length + 1).to(device)
    flow = torch.from_numpy(random.normal(0, 2, (FRAMES, 2, size, size)).astype(np.float16)).to(device)
    paired, unpaired = PairedData(frames, joints, starts, window), UnpairedData(joints, flow, starts, length)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        return task(settings, 0, device, paired, unpaired)


def make_step(task: TwoBranches, both: bool = True) -> Callable[[], object]:
    """The next step of a task at each call, through both branches or as in the warm-up through the paired one alone.

    Raises:
        ValueError: a step of the kind asked for never occurs with these settings.
    """
    number = task.settings.warmup_steps if both else 0
    if not both and not task.settings.warmup_steps:
        raise ValueError("these settings have no warm-up")
    draw = torch.Generator().manual_seed(0)
    return lambda: task.step(number, draw)
