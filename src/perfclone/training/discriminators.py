"""The discriminators, each with its terms of the objective: what it minimises itself, and what G minimises of it (Sec. 3.2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .. import losses
from ..nets import PatchGAN
from ..registry import Registry
from ..skeleton import J
from .settings import TrainSettings

DISCRIMINATORS: Registry[type[Discriminator]] = Registry("discriminator", "perfclone.discriminators")
"""`TrainSettings.discriminators` names those of a training."""


@dataclass(eq=False)
class Branch:
    """What one forward of G on one half of the batch gave: used by the discriminators' steps and again by G's."""

    poses: Tensor
    """(B, N, 18, 2) float, pixels of the aligned frame, NaN where missing."""
    maps: Tensor
    """(B, J·N, H, W)"""
    generated: Tensor
    """(B, 3·N, H, W), with its graph."""


class Discriminator(nn.Module, ABC):
    """A network that tells real windows of frames from generated ones.

    Its losses are logged as `d_NAME` and `gan_NAME`, where its own name is `D_NAME`.

    Args:
        settings: of the training.
        channels: of what it is given.
    """

    paired = True
    """Whether it judges the paired branch's frames, or the unpaired one's."""

    def __init__(self, settings: TrainSettings, channels: int) -> None:
        super().__init__()
        self.net = PatchGAN(channels, settings.width, settings.patch_layers, settings.norm)

    @abstractmethod
    def forward(self, branch: Branch, frames: Tensor) -> Tensor:
        """Logits, one a patch, for (B, 3·N, H, W) frames in [−1, 1], real or generated, of that branch."""

    @abstractmethod
    def value(self, real: Tensor, fake: Tensor) -> Tensor:
        """What it maximises, from its logits for real and for generated frames: Eq. (2), or Eq. (5)."""

    def weight(self, settings: TrainSettings) -> float:
        """Of its term in G's objective, if it is not one of Eq. (6)'s own."""
        return 1.0

    def loss(self, branch: Branch, real: Tensor) -> Tensor:
        """What it minimises. Real and generated frames go through in turn: batched together they would share BatchNorm's statistics."""
        return -self.value(self(branch, real), self(branch, branch.generated.detach()))

    def generator_loss(self, branch: Branch, saturating: bool) -> Tensor:
        """What G minimises of it."""
        return losses.generator_gan(self(branch, branch.generated), saturating)

    def _logits(self, *seen: Tensor) -> Tensor:
        """fp32 also under autocast."""
        return self.net(torch.cat([as_convolved(part) for part in seen], 1)).float()


@DISCRIMINATORS.register("D_p")
class PairedDiscriminator(Discriminator):
    """D_p, which sees the poses beside the frames."""

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__(settings, settings.window * (3 + J))

    def forward(self, branch: Branch, frames: Tensor) -> Tensor:
        """See `Discriminator`."""
        return self._logits(branch.maps, frames)

    def value(self, real: Tensor, fake: Tensor) -> Tensor:
        """Eq. (2)."""
        return losses.paired_gan(real, fake)


@DISCRIMINATORS.register("D_s")
class UnpairedDiscriminator(Discriminator):
    """D_s, which sees frames alone."""

    paired = False

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__(settings, settings.window * 3)

    def forward(self, branch: Branch, frames: Tensor) -> Tensor:
        """See `Discriminator`."""
        return self._logits(frames)

    def value(self, real: Tensor, fake: Tensor) -> Tensor:
        """Eq. (5)."""
        return losses.unpaired_gan(real, fake)


def as_convolved(images: Tensor) -> Tensor:
    """The same images in autocast's type, where it is on: convolutions would round them so, but keep the wider ones in memory beside."""
    device = images.device.type
    return images.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else images
