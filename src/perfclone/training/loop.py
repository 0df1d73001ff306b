"""The loop that trains anything here: steps, log, checkpoints, samples, and how it goes on after an interruption."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..capture import Performance
from ..device import find_precision
from ..errors import InputError
from ..files import write_bytes, write_json
from ..progress import progress
from ..viz import encode_png
from . import actor as files
from .actor import Actor
from .checkpoint import load_checkpoint, save_checkpoint, save_weights
from .settings import TrainSettings

CHECKPOINT = "checkpoint.safetensors"

Parts = Sequence[Performance]
"""Performances, or parts of one."""


class Task(ABC):
    """What is trained: networks on their data, and what one step does to them.

    A method is a task. All methods have the same loop, `Training`, so that they differ in nothing but what they are.

    Attributes:
        settings: sizes, steps and Adam's numbers.
        device: of data and networks.
        precision: `fp32` or `bf16`, what `settings.precision` is on this device.
        nets: all networks. What a step depends on, besides its number and the data, is in here or in Adam's moments.
        generator: the one of them that the actor keeps.
        optimisers: by the name of the network that each moves.
    """

    layout = torch.channels_last
    """Memory format of images and weights, in which convolutions are fast."""

    version: ClassVar[int] = 1
    """Of the method; raised by hand whenever the same training would give other numbers (`perfclone-lab drift` notices if not)."""

    nets: nn.Module
    generator: nn.Module
    optimisers: dict[str, torch.optim.Adam]

    def __init__(self, settings: TrainSettings, seed: int, device: torch.device) -> None:
        torch.manual_seed(seed)  # of the weights, which a task draws next
        self.settings, self.device = settings, device
        self.precision = find_precision(settings.precision, device)

    @classmethod
    def settings_for(cls, base: TrainSettings) -> TrainSettings:
        """The method's settings at a budget: the budget's, or what a rival makes of them."""
        return base

    @classmethod
    def about(cls, reference: Parts, unpaired: Parts) -> dict:
        """What else the result depends on, for the record, as JSON takes it."""
        return {}

    @classmethod
    @abstractmethod
    def data(cls, settings: TrainSettings, device: torch.device, reference: Parts, unpaired: Parts) -> tuple:
        """What the task is made of besides settings, seed and device, brought to the device: the last arguments of its constructor.

        Args:
            settings: of `settings_for`.
            device: of data and networks.
            reference: the target actor's performance, in one or several parts.
            unpaired: performances of others.

        Raises:
            InputError: too few frames are usable.
        """

    @classmethod
    @abstractmethod
    def network(cls, settings: TrainSettings, record: dict) -> nn.Module:
        """The generator that an actor of this method has, with weights yet to be loaded."""

    @classmethod
    @abstractmethod
    def frames(cls, actor: Actor, joints: Tensor) -> Tensor:
        """The actor in poses: (B, N, 18, 2) joints on the generator's device → (B, N, size, size, 3) uint8 on white."""

    @abstractmethod
    def step(self, number: int, draw: torch.Generator) -> dict[str, Tensor]:
        """Train one step.

        Args:
            number: of the step, from 0.
            draw: where its randomness comes from, made for this step. Dropout takes torch's own, which is seeded for it too.

        Returns:
            Each loss by its name, detached.
        """

    @abstractmethod
    def samples(self) -> np.ndarray:
        """A picture of what the networks make now, (H, W, 3) uint8. It leaves everything as it is."""

    def on_device(self, nets: nn.Module) -> nn.Module:
        """The networks where they train, in their `layout`."""
        return nets.to(self.device, memory_format=self.layout)

    def adam(self, *nets: nn.Module) -> torch.optim.Adam:
        """An optimiser of these networks.

        Its moments are made here and not in the first step, as it would by itself: what stays then lies together in main memory, and
        what comes and goes leaves no holes between.
        """
        s = self.settings
        parameters = list(chain.from_iterable(net.parameters() for net in nets))
        cuda = self.device.type == "cuda"  # the rate is a tensor there and all is ready to be recorded; see `cuda_graph`
        rate = torch.tensor(s.learning_rate, device=self.device) if cuda else s.learning_rate
        adam = torch.optim.Adam(parameters, lr=rate, betas=(s.beta1, s.beta2), fused=True, capturable=cuda)
        for parameter in parameters:
            moments = {name: torch.zeros_like(parameter, requires_grad=False) for name in ("exp_avg", "exp_avg_sq")}
            adam.state[parameter] = {"step": torch.zeros((), device=parameter.device), **moments}
        return adam

    def autocast(self) -> AbstractContextManager:
        """Where convolutions are computed in `precision`."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def minimise(self, loss: Tensor, *names: str) -> None:
        """One step of the optimisers of these names. No gradient outlives it, so that none takes memory in the next forward pass."""
        loss.backward()
        for name in names:
            self.optimisers[name].step()
            self.optimisers[name].zero_grad(set_to_none=True)


def set_rate(group: dict, rate: float) -> None:
    """Give a group of parameters its learning rate, in place where it is a tensor."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


class Training:
    """One training under way."""

    def __init__(self, folder: Path, record: dict, task: Task, seed: int) -> None:
        self.folder, self.record = folder, record | {"precision": task.precision}
        self.task, self.seed = task, seed
        self.step, self.log, self.seconds_before = 0, [], 0.0
        if (folder / CHECKPOINT).exists():
            self.step, self.log, self.seconds_before = load_checkpoint(folder / CHECKPOINT, task.nets, task.optimisers)
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """That the training took so far, those before an interruption included."""
        return round(self.seconds_before + time.perf_counter() - self._began, 1)

    def run(self) -> None:
        """All steps that are left, then the actor's files; the checkpoint goes last."""
        start = self.step
        steps = self.task.settings.steps
        log_every = max(1, steps // 100)
        save_every = log_every * max(1, min(steps // 20, 2500) // log_every)
        since: dict[str, list[Tensor]] = defaultdict(list)
        with progress(total=steps, desc=f"training {self.record['reference'][0]['name']}") as bar:
            bar.update(start)
            while self.step < steps:
                for name, value in self.train_step().items():
                    since[name].append(value)
                bar.update()
                if self.step % log_every == 0:
                    bar.set_postfix(self.log_row(since), refresh=False)
                    since.clear()
                if self.step % save_every == 0:
                    self.save()
                    self.show_samples()
        self.record |= {"finished": True, "seconds": self.seconds, "resumed_from_step": start}
        self.show_samples()
        write_bytes(self.folder / files.LOG, pd.DataFrame(self.log).to_csv(index=False).encode())
        save_weights(self.folder / files.WEIGHTS, self.task.generator)
        write_json(self.folder / files.RECORD, self.record)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def save(self) -> None:
        """Write a checkpoint."""
        save_checkpoint(self.folder / CHECKPOINT, self.task.nets, self.task.optimisers, self.step, self.log, self.seconds)

    def train_step(self) -> dict[str, Tensor]:
        """The task's next step, at the learning rate and with the randomness of its number. Returns each loss, detached."""
        for optimiser in self.task.optimisers.values():
            for group in optimiser.param_groups:
                set_rate(group, self.task.settings.learning_rate_at(self.step))
        draw = torch.Generator().manual_seed((self.seed << 32) + self.step)
        torch.manual_seed(int(torch.randint(2**62, (), generator=draw)))  # dropout's, if there is any
        losses = self.task.step(self.step, draw)
        self.step += 1
        return losses

    def log_row(self, since: dict[str, list[Tensor]]) -> dict[str, str]:
        """Append the mean of each loss to the log, and give it in short for the progress bar. InputError if one is not finite."""
        row = {name: float(torch.stack(values).mean()) for name, values in since.items()}
        if not all(np.isfinite(value) for value in row.values()):
            raise InputError(
                f"training diverged before step {self.step}: try another seed or gentler settings (a smaller init_std)"
            )
        self.log.append({"step": self.step} | row)
        return {name: f"{value:.3f}" for name, value in row.items()}

    def show_samples(self) -> None:
        """Write samples.png."""
        write_bytes(self.folder / files.SAMPLES, encode_png(self.task.samples()))
