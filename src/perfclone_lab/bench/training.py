"""`perfclone-lab bench train`: a step of the method as it trains here, beside the straightforward one."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from perfclone.nets import VGGFeatures
from perfclone.provenance import made_by
from perfclone.training import TrainSettings
from perfclone.training.cuda_graph import WARM_UP
from perfclone.training.two_branches import TwoBranches

from ..flops import count_flops
from ..synthetic_task import Timing, make_step, synthetic_task, timed
from .machine import about, peak_flops, peak_memory
from .straightforward import Straightforward, store_frames

MEMORY_STEPS = WARM_UP + 1
"""Steps after which memory has had its peak."""


class Launched(TwoBranches):
    """The method with kernels that are launched one by one, as a CPU does it anyway."""

    recordable = False


class UsualLayout(Launched):
    """The same, with images and weights in memory as PyTorch lays them out by itself."""

    layout = torch.contiguous_format


def forms(settings: TrainSettings, device: torch.device) -> dict[str, TwoBranches]:
    """From the method in fp32 and PyTorch's usual layout to what trains here, by what each has more than the one before.

    The first differs from the straightforward step in that data stay on the device, where confidence maps and α are drawn, Adam is fused
    and Eq. (1) computed frame by frame. `bf16` is missing where a device trains in fp32, `CUDA graph` where there is no GPU.
    """
    plain = replace(settings, precision="fp32")
    made = {"data on the device": synthetic_task(plain, device, UsualLayout), "channels last": synthetic_task(plain, device, Launched)}
    narrow = synthetic_task(settings, device, Launched)
    made |= {} if narrow.precision == "fp32" else {narrow.precision: narrow}
    return made | ({"CUDA graph": synthetic_task(settings, device)} if device.type == "cuda" else {})


def bench_train(settings: TrainSettings, device: torch.device, seconds: float = 20.0) -> dict:
    """Time a step through both branches, in turn with the straightforward step and what lies between, on made-up data.

    Args:
        settings: of the training; window 2.
        device: where.
        seconds: for the timing.

    Returns:
        A record: `settings`, `machine`, `made_by`, for `ours` and `straightforward` what `summary` has, the ratios `speedup` of the
        median times and `memory_share`, ours of the other's peak; and `one_by_one`, the median milliseconds of each of the `forms`.
    """
    with tempfile.TemporaryDirectory() as folder:
        tasks = forms(settings, device)
        task = list(tasks.values())[-1]
        store_frames(task, Path(folder))
        plain = straightforward(settings, Path(folder), device)
        theirs, *timings = timed(plain.step, *map(make_step, tasks.values()), seconds=seconds, device=device)
        flop = count_flops(make_step(tasks["channels last"])), count_flops(plain.step)  # of a graph nothing could be counted
        peaks = {name: peak_flops(device, name) for name in {task.precision, "fp32"}}
        one_by_one = {name: round(1000 * timing.median_s, 3) for name, timing in zip(tasks, timings, strict=True)}
        precision = task.precision
        del task, tasks, plain
        memory = [
            peak_memory(run_ours, settings, device, device=device),
            peak_memory(run_straightforward, settings, folder, device, device=device),
        ]
    return {
        "bench": "train",
        "settings": asdict(settings),
        "machine": about(device),
        **made_by(),
        "ours": summary(timings[-1], flop[0], precision, peaks[precision], memory[0]),
        "straightforward": summary(theirs, flop[1], "fp32", peaks["fp32"], memory[1]),
        "speedup": theirs.median_s / timings[-1].median_s,
        "one_by_one": one_by_one,
        "memory_share": memory[0] / memory[1] if memory[0] and memory[1] else None,
    }


def summary(timing: Timing, flop: int, precision: str, peak: float, memory: int | None) -> dict:
    """What was measured, for a record.

    Returns:
        `median_ms`, `p10_ms`, `p90_ms`, `repeats`, `precision`, `gflop` of one time, `gflop_per_s`, `share_of_peak`, the machine's
        `peak_gflop_per_s` in that precision, and `peak_memory_mib`.
    """
    low, high = timing.spread_s
    rate = flop / timing.median_s
    return {
        "median_ms": round(1000 * timing.median_s, 3),
        "p10_ms": round(1000 * low, 3),
        "p90_ms": round(1000 * high, 3),
        "repeats": len(timing.times_s),
        "precision": precision,
        "gflop": round(flop / 1e9, 3),
        "gflop_per_s": round(rate / 1e9, 1),
        "share_of_peak": round(float(np.divide(rate, peak)), 4),
        "peak_gflop_per_s": round(peak / 1e9, 1),
        "peak_memory_mib": None if memory is None else round(memory / 2**20, 1),
    }


def straightforward(settings: TrainSettings, folder: Path, device: torch.device) -> Straightforward:
    """The straightforward training on frames that are stored, see `straightforward.store_frames`."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        return Straightforward(settings, VGGFeatures(settings.vgg_range), folder, device)


def run_ours(settings: TrainSettings, device: torch.device) -> None:
    """A few steps of the method, for their memory."""
    step = make_step(synthetic_task(settings, device))
    for _ in range(MEMORY_STEPS):
        step()


def run_straightforward(settings: TrainSettings, folder: str, device: torch.device) -> None:
    """A few straightforward steps, for their memory."""
    plain = straightforward(settings, Path(folder), device)
    for _ in range(MEMORY_STEPS):
        plain.step()
