"""Everything that is needed to go on with a training, in one safetensors file that is replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import InputError
from ..files import write_bytes


def save_checkpoint(
    path: Path, nets: nn.Module, optimisers: dict[str, Optimizer], step: int, log: list[dict[str, float]], seconds: float
) -> None:
    """Write weights, BatchNorm statistics, Adam's moments, the step, the log and the seconds so far. InputError if the disk is full."""
    tensors = {f"nets.{name}": tensor for name, tensor in nets.state_dict().items()}
    for name, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{name}.{index}.{key}": value for key, value in state.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(tensors, {"step": str(step), "log": json.dumps(log), "seconds": str(seconds)}))


def load_checkpoint(path: Path, nets: nn.Module, optimisers: dict[str, Optimizer]) -> tuple[int, list[dict[str, float]], float]:
    """Put a checkpoint's state back: (step, log, seconds so far). InputError if the file is damaged or of another training."""
    try:
        with safe_open(path, "pt") as file:
            meta = file.metadata()
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}
        step, log, seconds = int(meta["step"]), json.loads(meta["log"]), float(meta["seconds"])
        nets.load_state_dict(
            {name.removeprefix("nets."): tensor for name, tensor in tensors.items() if name.startswith("nets.")}
        )
        for name, optimiser in optimisers.items():
            parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in tensors.items():
                if key.startswith(f"adam.{name}."):
                    index, field = key.split(".")[-2:]
                    state.setdefault(int(index), {})[field] = _laid_out_as(parameters[int(index)], tensor)
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path} is damaged or of another training: remove the folder and train again") from error
    return step, log, seconds


def _laid_out_as(parameter: Tensor, moment: Tensor) -> Tensor:
    """Adam's moments in the memory format of what they belong to, as its fused form expects them; its step count as it is."""
    if moment.shape != parameter.shape:
        return moment
    return torch.empty_like(parameter, requires_grad=False).copy_(moment)


def load_weights(path: Path, net: nn.Module) -> None:
    """Put a network's weights back from a safetensors file. InputError if it is missing, damaged or of another shape."""
    try:
        net.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(f"{path} is missing or damaged: train the actor again") from error


def save_weights(path: Path, net: nn.Module) -> None:
    """Write a network's weights and buffers."""
    write_bytes(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}))
