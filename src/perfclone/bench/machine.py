"""What the machine could do, and what was taken of it: peak FLOP/s, operations of a step, peak memory."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from ..device import describe
from ..rehearsal import timed

SIDE = {"cpu": 2048, "cuda": 8192}
"""Side of the matrices that are multiplied for the peak."""


def peak_flops(device: torch.device, precision: str, seconds: float = 0.5) -> float:
    """FLOP/s of the best of many products of two large matrices in `fp32` or `bf16`: what a step is measured against."""
    side = SIDE[device.type]
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    (timing,) = timed(lambda: a @ b, seconds=seconds, device=device)
    return 2 * side**3 / min(timing.times_s)


def about(device: torch.device) -> dict:
    """The machine, for a record."""
    return {
        "device": describe(device),
        "processor": _processor(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def peak_memory(run: Callable[..., None], *arguments: object, device: torch.device) -> int | None:
    """Bytes that a piece of work takes at its peak: of the GPU, or of main memory beyond what the libraries themselves take.

    Main memory is measured in a process of its own, since a process can't be asked for the peak of one part of its life.

    Args:
        run: what is done; a function that can be imported.
        arguments: what it is given.
        device: a CUDA device, or the CPU.

    Returns:
        The bytes; None for main memory where the system does not tell (it does on Linux and macOS).
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run(*arguments)
        return torch.cuda.max_memory_allocated(device) - before
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_growth, run, arguments, torch.get_num_threads()).result()


def _growth(run: Callable[..., None], arguments: tuple, threads: int) -> int | None:
    torch.set_num_threads(threads)
    torch.ones(256, 256) @ torch.ones(256, 256)  # brings in what every product needs
    before = _highest_bytes()
    run(*arguments)
    return None if before is None else _highest_bytes() - before


def _highest_bytes() -> int | None:
    """The most main memory that this process has had. Not `ru_maxrss` on Linux, in which the parent's counts too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
