"""The paper's method as a task: the batch of a step through both branches, and what it moves (Sec. 3.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..viz import sample_sheet
from .actor import Actor
from .batches import PairedData, UnpairedData, reach
from .cuda_graph import CUDAGraphStep
from .loop import Parts, Task
from .methods import METHODS, PAPER
from .networks import Networks, generate, generator
from .settings import TrainSettings


@METHODS.register(PAPER)
class TwoBranches(Task):
    """G with D_p and D_s. pix2pix too is this task, with other settings (`perfclone_lab.baselines.pix2pix`).

    Args:
        settings: see `TrainSettings`.
        seed: of the weights.
        device: where the data are.
        paired: the reference video.
        unpaired: the driving videos; None leaves the unpaired branch out.
    """

    def __init__(
        self,
        settings: TrainSettings,
        seed: int,
        device: torch.device,
        paired: PairedData,
        unpaired: UnpairedData | None,
    ) -> None:
        super().__init__(settings, seed, device)
        self.paired, self.unpaired = paired, unpaired
        self._recorded: dict[int, CUDAGraphStep] = {}
        self.nets: Networks = self.on_device(Networks(settings))
        self.generator = self.nets.G
        self.optimisers = {name: self.adam(net) for name, net in (("G", self.nets.G), *self.nets.discriminators.items())}

    @classmethod
    def data(cls, settings: TrainSettings, device: torch.device, reference: Parts, unpaired: Parts) -> tuple:
        """See `Task.data`. Without unpaired performances only the paired branch trains."""
        paired = PairedData.of(reference, settings.size, settings.window, device)
        return paired, UnpairedData.of(unpaired, settings.size, settings.window, device) if unpaired else None

    @classmethod
    def network(cls, settings: TrainSettings, record: dict) -> nn.Module:
        """See `Task.network`."""
        return generator(settings)

    @classmethod
    def frames(cls, actor: Actor, joints: Tensor) -> Tensor:
        """See `Task.frames`."""
        return generate(actor.generator, joints, actor.settings)

    def step(self, number: int, draw: torch.Generator) -> dict[str, Tensor]:
        """One step of the discriminators, then one of G. On a GPU it is recorded once for each number of branches, and replayed."""
        s = self.settings
        drawn = [*self.paired.sample(s.batch // 2, draw, s.shift)]
        if self.unpaired is not None and s.lambda_s > 0 and number >= s.warmup_steps:
            # with λ_s = 0 that branch could not move anything: it is not computed
            drawn.append(self.unpaired.sample(s.batch // 2, draw))
        if not self.recordable:
            return self.train_on(*drawn)
        if len(drawn) not in self._recorded:
            self._recorded[len(drawn)] = CUDAGraphStep(self.train_on)
        return self._recorded[len(drawn)](*drawn)

    @property
    def recordable(self) -> bool:
        """Whether steps are recorded. Not with dropout or `crop`, which the method has not and which take numbers from main memory."""
        s = self.settings
        return self.device.type == "cuda" and reach(s.shift, s.size) > 0 and not (s.dropout or s.crop)

    def train_on(self, at: Tensor, by: Tensor | None, at_s: Tensor | None = None) -> dict[str, Tensor]:
        """The step on windows that were drawn.

        Args:
            at, by: see `PairedData.sample`.
            at_s: see `UnpairedData.sample`; None for the paired branch alone.
        """
        s = self.settings
        poses_p, real = self.paired.windows(at, by, s.shift, s.crop)
        poses_s, flow = (None, None) if at_s is None else self.unpaired.windows(at_s)
        volume_s = None if poses_s is None else poses_s.reshape(-1, s.window, *poses_s.shape[2:])
        with self.autocast():
            paired, unpaired = self.nets(poses_p, volume_s)
        d_losses = {}
        for name, branch in self.nets.seen(paired, unpaired).items():
            with self.autocast():  # they share nothing: one after the other takes less memory than together
                loss = self.nets.discriminator_loss(name, branch, real)
            self.minimise(loss, name)
            d_losses["d_" + name.removeprefix("D_")] = loss.detach()
        self.nets.discriminators.requires_grad_(False)
        with self.autocast():
            g_losses = self.nets.generator_losses(paired, unpaired, real, poses_s, flow)
        self.minimise(self.nets.objective(g_losses, 0.0 if at_s is None else s.lambda_s), "G")
        self.nets.discriminators.requires_grad_(True)
        return d_losses | {name: value.detach() for name, value in g_losses.items()}

    def samples(self) -> np.ndarray:
        """Reference frame, pose, generated frame; and what G makes of unpaired poses."""
        blocks = [self._block(self.paired.starts, self.paired.joints, self.paired.frames)]
        if self.unpaired is not None:
            blocks.append(self._block(self.unpaired.starts, self.unpaired.joints, None))
        return sample_sheet(blocks)

    def _block(self, starts: Tensor, joints: Tensor, frames: Tensor | None) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        at = starts[torch.linspace(0, len(starts) - 1, 8).long().to(starts.device)]
        poses = joints[at[:, None] + torch.arange(self.settings.window, device=at.device)]
        generated = generate(self.generator, poses, self.settings)[:, 0].cpu().numpy()
        real = None if frames is None else frames[at].permute(0, 2, 3, 1).cpu().numpy()
        return real, poses[:, 0].cpu().numpy(), generated
