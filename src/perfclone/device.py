"""Which device the networks run on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from .errors import InputError


def find_device(name: str = "auto") -> torch.device:
    """`auto` takes a CUDA device if there is one. InputError if `cuda` is asked for where there is none, or for other names."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device can be used here: run with --device cpu, or auto to take whatever there is")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The device in words, for a record: the GPU's name, or the CPU's thread count."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads != 1)}"


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def find_precision(name: str, device: torch.device) -> str:
    """`auto` takes bf16 where the device multiplies it faster than fp32, and fp32 elsewhere. The other two are taken as asked.

    CPUs do so if they have AMX, GPUs from Nvidia's Ampere generation on.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return "bf16" if torch.cpu._is_amx_tile_supported() else "fp32"  # there is no public question for it in all versions


SMALL = 64 * 16
"""Networks up to this product of side and width train on one thread. On two quiet cores a step at 64×64 and a width of 8 or 16 takes as
long on two threads as on one (125 and 132 ms, 200 and 200 ms), at 128×128 and 24 two thirds of it (660 and 950 ms)."""


def threads_for(size: int, width: int, device: torch.device) -> int:
    """How many threads a training at that size takes: one for small networks (`SMALL`), else all that PyTorch has.

    A second thread that gains nothing on a quiet machine costs much on a busy one, where each operation waits for it.
    """
    return 1 if device.type == "cpu" and size * width <= SMALL else torch.get_num_threads()


@contextmanager
def thread_count(count: int) -> Iterator[None]:
    """So many threads in PyTorch's operations, and after it as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
