"""The paper's method as a task: the batch of a step through both branches, and what it moves (Sec. 3.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..nets import VGGFeatures
from ..nets.vgg import Bank
from ..viz import sample_sheet
from .actor import generate
from .batches import PairedData, UnpairedData, reach
from .loop import Task
from .networks import Branch, Networks
from .replay import Replayed
from .settings import TrainSettings


class TwoBranches(Task):
    """G with D_p and D_s. pix2pix too is this task, with other settings (`baselines.pix2pix`).

    Args:
        settings: see `TrainSettings`.
        seed: of the weights.
        device: where the data are.
        bank: φ.
        paired: the reference video.
        unpaired: the driving videos; None leaves the unpaired branch out.
    """

    def __init__(
        self,
        settings: TrainSettings,
        seed: int,
        device: torch.device,
        bank: Bank,
        paired: PairedData,
        unpaired: UnpairedData | None,
    ) -> None:
        super().__init__(settings, seed, device)
        self.paired, self.unpaired = paired, unpaired
        self._replayed: dict[int, Replayed] = {}
        self.nets: Networks = self.on_device(Networks(settings, VGGFeatures(bank, settings.vgg_range)))
        self.generator = self.nets.G
        self.optimisers = {
            "adam_g": self.adam(self.nets.G),
            "adam_p": self.adam(self.nets.D_p),
            "adam_s": self.adam(self.nets.D_s),
        }

    def step(self, number: int, draw: torch.Generator) -> dict[str, Tensor]:
        """One step of the discriminators, then one of G. On a GPU it is recorded once for each number of branches, and replayed."""
        s = self.settings
        drawn = [*self.paired.draw(s.batch // 2, draw, s.shift)]
        if self.unpaired is not None and s.lambda_s > 0 and number >= s.warmup_steps:
            drawn.append(
                self.unpaired.draw(s.batch // 2, draw)
            )  # with λ_s = 0 that branch could not move anything: it is not computed
        if not self.replays:
            return self.train_on(*drawn)
        return self._replayed.setdefault(len(drawn), Replayed(self.train_on))(*drawn)

    @property
    def replays(self) -> bool:
        """Whether steps are recorded. Not with dropout or `crop`, which the method has not and which take numbers from main memory."""
        s = self.settings
        return self.device.type == "cuda" and reach(s.shift, s.size) > 0 and not (s.dropout or s.crop)

    def train_on(self, at: Tensor, by: Tensor | None, at_s: Tensor | None = None) -> dict[str, Tensor]:
        """The step on windows that were drawn.

        Args:
            at, by: see `PairedData.draw`.
            at_s: see `UnpairedData.draw`; None for the paired branch alone.
        """
        s = self.settings
        poses_p, real = self.paired.windows(at, by, s.shift, s.crop)
        poses_s, flow = (None, None) if at_s is None else self.unpaired.windows(at_s)
        volume_s = None if poses_s is None else poses_s.reshape(-1, s.window, *poses_s.shape[2:])
        with self.autocast():
            paired, unpaired = self.nets(poses_p, volume_s)
        d_losses = self._discriminators_step(paired, None, real) | self._discriminators_step(None, unpaired, real)
        self.nets.D_p.requires_grad_(False)
        self.nets.D_s.requires_grad_(False)
        with self.autocast():
            g_losses = self.nets.generator_losses(paired, unpaired, real, poses_s, flow)
        self.minimise(self.nets.objective(g_losses, 0.0 if at_s is None else s.lambda_s), "adam_g")
        self.nets.D_p.requires_grad_(True)
        self.nets.D_s.requires_grad_(True)
        return d_losses | {name: value.detach() for name, value in g_losses.items()}

    def _discriminators_step(self, paired: Branch | None, unpaired: Branch | None, real: Tensor) -> dict[str, Tensor]:
        """One step of D_p or of D_s, whose branch is there. They share nothing: one after the other takes less memory than together."""
        with self.autocast():
            d_losses = self.nets.discriminator_losses(paired, unpaired, real)
        for name, loss in d_losses.items():
            self.minimise(loss, f"adam_{name[-1]}")
        return {name: loss.detach() for name, loss in d_losses.items()}

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
