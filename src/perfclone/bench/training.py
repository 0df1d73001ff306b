"""`perfclone bench train`: a step of the method as it trains here, beside the straightforward one."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ..flops import count_flops
from ..nets import VGGFeatures
from ..nets.vgg import standin_bank
from ..provenance import made_by
from ..rehearsal import Timing, rehearsal, stepper, timed
from ..training import TrainSettings
from .machine import about, peak_flops, peak_memory
from .straightforward import Straightforward, store_frames

MEMORY_STEPS = 3
"""Steps after which memory has had its peak."""


def bench_train(settings: TrainSettings, device: torch.device, seconds: float = 20.0) -> dict:
    """Time a step through both branches, in turn with the straightforward step, on made-up data.

    Args:
        settings: of the training; window 2.
        device: where.
        seconds: for the timing.

    Returns:
        A record: `settings`, `machine`, `made_by`, for `ours` and `straightforward` what `summary` has, and the ratios `speedup` of the
        median times and `memory_share`, ours of the other's peak.
    """
    with tempfile.TemporaryDirectory() as folder:
        task = rehearsal(settings, device)
        store_frames(task, Path(folder))
        plain = straightforward(settings, Path(folder), device)
        ours, theirs = timed(stepper(task), plain.step, seconds=seconds, device=device)
        flop = count_flops(stepper(task)), count_flops(plain.step)
        peaks = {name: peak_flops(device, name) for name in {task.precision, "fp32"}}
        precision = task.precision
        del task, plain
        memory = [
            peak_memory(run_ours, settings, device, device=device),
            peak_memory(run_straightforward, settings, folder, device, device=device),
        ]
    return {
        "bench": "train",
        "settings": asdict(settings),
        "machine": about(device),
        **made_by(),
        "ours": summary(ours, flop[0], precision, peaks[precision], memory[0]),
        "straightforward": summary(theirs, flop[1], "fp32", peaks["fp32"], memory[1]),
        "speedup": theirs.median_s / ours.median_s,
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
        return Straightforward(settings, VGGFeatures(standin_bank(), settings.vgg_range), folder, device)


def run_ours(settings: TrainSettings, device: torch.device) -> None:
    """A few steps of the method, for their memory."""
    step = stepper(rehearsal(settings, device))
    for _ in range(MEMORY_STEPS):
        step()


def run_straightforward(settings: TrainSettings, folder: str, device: torch.device) -> None:
    """A few straightforward steps, for their memory."""
    plain = straightforward(settings, Path(folder), device)
    for _ in range(MEMORY_STEPS):
        plain.step()
