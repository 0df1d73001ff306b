"""What a method costs: parameters, and floating-point operations of a training step and of a generated frame (counted, not timed)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from perfclone.training.loop import Task
from perfclone.training.methods import PAPER
from perfclone.training.networks import pose_volume

from ..baselines.cyclegan import CycleGAN, Pictures
from ..baselines.pg2 import FINE_TUNED, METHOD, PG2, People, pose_maps, stage_1_steps
from ..flops import count_flops
from ..synthetic_task import made_up_poses, synthetic_task
from .spec import RunSpec

FRAMES = 8
"""Frames of the made-up videos on which a step is counted. What is in them does not matter."""


@dataclass(frozen=True)
class Effort:
    """What one training is made of."""

    generators: int
    """Parameters of the generator, for CycleGAN and PG² of both."""
    discriminators: int
    """Parameters of all discriminators."""
    step_flops: int
    """Floating-point operations of a step after the warm-up, a multiplication and an addition being two; convolutions and matrix
    products only, forwards and backwards. For PG² the mean over the steps of both stages."""
    frame_flops: int
    """The same of one generated frame."""
    real_frames: int
    """Of the target actor, drawn in a step; none for PG² on a crowd."""


def effort(spec: RunSpec) -> Effort:
    """Count what a run is made of, by one step on made-up videos.

    Args:
        spec: of a method that is trained. Whether it has an unpaired branch, and the settings, are taken from it. Of a fine-tuned
            PG² this is its second training; the one before costs as much.
    """
    with torch.random.fork_rng():
        task = _task(spec)
        nets = dict(task.nets.named_children())
        counted = {
            kind: sum(p.numel() for name, net in nets.items() if name.startswith(kinds) for p in net.parameters())
            for kind, kinds in (("generators", ("G", "to_", "coarse", "refiner")), ("discriminators", ("discriminators", "d_", "critic")))
        }
        s = spec.settings
        with torch.no_grad():
            frame = count_flops(lambda: task.generator(*_input(spec))) // s.window
        drawn = {METHOD: 0, FINE_TUNED: 2}.get(spec.method, s.window)  # in each sample; PG²'s pairs are two frames
        return Effort(**counted, step_flops=_step_flops(task), frame_flops=frame, real_frames=s.batch // 2 * drawn)


def _step_flops(task: Task) -> int:
    s = task.settings
    first = stage_1_steps(s) if isinstance(task, PG2) else 0
    parts = [(0, first), (s.steps, s.steps - first)]
    total = sum(steps * count_flops(lambda n=n: task.step(n, torch.Generator().manual_seed(0))) for n, steps in parts if steps)
    return total // s.steps


def _task(spec: RunSpec) -> Task:
    s, cpu = spec.settings, torch.device("cpu")
    frames = torch.full((FRAMES, 3, s.size, s.size), 255, dtype=torch.uint8)
    if spec.method == "CycleGAN":
        return CycleGAN(s, 0, cpu, Pictures(frames), Pictures(frames))
    if spec.method in (METHOD, FINE_TUNED):
        return PG2(s, 0, cpu, People(frames, torch.from_numpy(made_up_poses(FRAMES)), (FRAMES,)))
    task = synthetic_task(s, cpu)
    if spec.method != PAPER or not spec.unpaired:
        task.unpaired = None
    return task


def _input(spec: RunSpec) -> tuple[torch.Tensor, ...]:
    s, poses = spec.settings, torch.from_numpy(made_up_poses(spec.settings.window))
    picture = torch.zeros((1, 3, s.size, s.size))
    if spec.method == "CycleGAN":
        return (picture,)
    if spec.method in (METHOD, FINE_TUNED):
        return picture, pose_maps(poses, s)
    return (pose_volume(poses[None], s),)
