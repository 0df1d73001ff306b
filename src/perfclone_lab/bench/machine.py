"""What the machine could do, and what was taken of it: peak FLOP/s, operations of a step, peak memory."""

from __future__ import annotations

import ctypes
import gc
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from perfclone.device import describe, processor

from ..synthetic_task import timed

TIMES = 3
"""So often is main memory measured."""

STATUS = Path("/proc/self/status")
"""Where Linux tells how much memory a process has."""

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
        "processor": processor(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
    }


def peak_memory(run: Callable[..., None], *arguments: object, device: torch.device) -> int | None:
    """Bytes that a piece of work takes at its peak: of the GPU, or of main memory beyond what the libraries themselves take.

    Main memory is measured in a process of its own, after the work has been done there once: that brings in the libraries and what they
    keep, hundreds of MiB of code and compiled kernels among it. It is the median of several times, since each leaves other holes
    between what it holds.

    Args:
        run: what is done; a function that can be imported.
        arguments: what it is given.
        device: a CUDA device, or the CPU.

    Returns:
        The bytes; None for main memory where the system does not tell, which only Linux does.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run(*arguments)
        return torch.cuda.max_memory_allocated(device) - before
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_growth, run, arguments, torch.get_num_threads()).result()


def _growth(run: Callable[..., None], arguments: tuple, threads: int) -> int | None:
    if not STATUS.exists():
        return None
    torch.set_num_threads(threads)
    run(*arguments)
    return int(np.median([_growth_once(run, arguments) for _ in range(TIMES)]))


def _growth_once(run: Callable[..., None], arguments: tuple) -> int:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others keep less
    if trim:
        trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # from here on VmHWM is the highest since now
    before = _bytes("VmRSS")
    run(*arguments)
    return _bytes("VmHWM") - before


def _bytes(name: str) -> int:
    """An entry of this process's status. Not `ru_maxrss`, in which the parent's memory counts too and which can't begin anew."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024
