"""Which device the networks run on."""

from __future__ import annotations

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


def find_precision(name: str, device: torch.device) -> str:
    """`auto` takes bf16 where the device multiplies it faster than fp32, and fp32 elsewhere. The other two are taken as asked.

    CPUs do so if they have AMX, GPUs from Nvidia's Ampere generation on.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return "bf16" if torch.cpu._is_amx_tile_supported() else "fp32"  # there is no public question for it in all versions
