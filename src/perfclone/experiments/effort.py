"""What a method costs: parameters, and floating-point operations of a training step and of a generated frame (counted, not timed)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..baselines.cyclegan import CycleGAN, Pictures
from ..flops import count_flops
from ..rehearsal import made_up_poses, rehearsal
from ..training.loop import Task
from ..training.networks import pose_volume
from .spec import RunSpec

FRAMES = 8
"""Frames of the made-up videos on which a step is counted. What is in them does not matter."""


@dataclass(frozen=True)
class Effort:
    """What one training is made of."""

    generators: int
    """Parameters of the generator, for CycleGAN of both."""
    discriminators: int
    """Parameters of all discriminators."""
    step_flops: int
    """Floating-point operations of a step after the warm-up, a multiplication and an addition being two; convolutions and matrix
    products only, forwards and backwards."""
    frame_flops: int
    """The same of one generated frame."""
    real_frames: int
    """Of the target actor, drawn in a step."""


def effort(spec: RunSpec) -> Effort:
    """Count what a run is made of, by one step on made-up videos.

    Args:
        spec: of a method that is trained. Whether it has an unpaired branch, and the settings, are taken from it.
    """
    with torch.random.fork_rng():
        task = _task(spec)
        nets = dict(task.nets.named_children())
        counted = {
            kind: sum(p.numel() for name, net in nets.items() if name.startswith(kinds) for p in net.parameters())
            for kind, kinds in (("generators", ("G", "to_")), ("discriminators", ("D_", "d_")))
        }
        s = spec.settings
        step = count_flops(lambda: task.step(s.steps, torch.Generator().manual_seed(0)))
        with torch.no_grad():
            frame = count_flops(lambda: task.generator(_input(spec))) // s.window
    return Effort(**counted, step_flops=step, frame_flops=frame, real_frames=s.batch // 2 * s.window)


def _task(spec: RunSpec) -> Task:
    s, cpu = spec.settings, torch.device("cpu")
    if spec.method == "CycleGAN":
        frames = torch.full((FRAMES, 3, s.size, s.size), 255, dtype=torch.uint8)
        return CycleGAN(s, 0, cpu, Pictures(frames), Pictures(frames))
    task = rehearsal(s, cpu)
    if spec.method != "perfclone" or not spec.unpaired:
        task.unpaired = None
    return task


def _input(spec: RunSpec) -> torch.Tensor:
    s = spec.settings
    if spec.method == "CycleGAN":
        return torch.zeros((1, 3, s.size, s.size))
    return pose_volume(torch.from_numpy(made_up_poses(s.window))[None], s)
