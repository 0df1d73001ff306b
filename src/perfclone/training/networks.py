"""G, D_p and D_s of one training, and the two steps that move them (Sec. 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .. import losses
from ..nets import PatchGAN, ResNet, UNet, VGGFeatures, confidence_maps, limb_falloff
from ..nets.blocks import initialise
from ..skeleton import J
from ..viz import draw_pose
from .settings import TrainSettings

MAPS, DRAWING, FRAMES = "maps", "drawing", "frames"
"""What a generator sees, confidence maps of N poses, as the paper has it; or one picture, which is a drawing of a pose or a frame
of somebody else (A13)."""


def generator(settings: TrainSettings, sees: str = MAPS) -> UNet | ResNet:
    """G for confidence maps, (B, J·N, H, W) → (B, 3·N, H, W); for what else it can see CycleGAN's, (B, 3, H, W) → (B, 3, H, W)."""
    if sees != MAPS:
        return ResNet(settings.size, settings.width)
    n = settings.window
    return UNet(J * n, 3 * n, settings.size, settings.width, settings.norm, settings.dropout)


def discriminator(settings: TrainSettings, channels: int) -> PatchGAN:
    """D_p with N(3 + J) channels, D_s with 3·N."""
    return PatchGAN(channels, settings.width, settings.patch_layers, settings.norm)


def pose_volume(joints: Tensor, settings: TrainSettings) -> Tensor:
    """(B, N, 18, 2) joints → (B, J·N, size, size) confidence maps, as G takes them (Sec. 3.1)."""
    return confidence_maps(joints.flatten(1, 2), settings.size, settings.joint_sigma, settings.normalise_maps)


def as_convolved(images: Tensor) -> Tensor:
    """The same images in autocast's type, where it is on: convolutions would round them so, but keep the wider ones in memory beside."""
    device = images.device.type
    return images.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else images


def pose_drawings(joints: np.ndarray, size: int) -> np.ndarray:
    """(B, 18, 2) joints → (B, size, size, 3) uint8 skeletons on white, for generators that see drawings (`viz.draw_pose`)."""
    return np.stack([draw_pose(pose, size) for pose in joints])


@dataclass
class Branch:
    """What one forward of G on one half of the batch gave: used by D's step and again by G's."""

    maps: Tensor
    """(B, J·N, H, W)"""
    generated: Tensor
    """(B, 3·N, H, W), with its graph."""


class Networks(nn.Module):
    """The three networks with their losses. Under autocast, G's frames and D's logits are fp32 all the same.

    Args:
        settings: see `TrainSettings`.
        phi: the features of Eq. (1).
    """

    def __init__(self, settings: TrainSettings, phi: VGGFeatures):
        super().__init__()
        self.settings = settings
        self.G = generator(settings)
        self.D_p = discriminator(settings, settings.window * (3 + J))
        self.D_s = discriminator(settings, settings.window * 3)
        self.phi = phi
        for net in (self.G, self.D_p, self.D_s):
            initialise(net, settings.init_std)

    def forward(self, paired: Tensor, unpaired: Tensor | None) -> tuple[Branch, Branch | None]:
        """One forward of G a branch: poses (B, N, 18, 2) of each half → what it generated. Two forwards, as drawn, or one (A11)."""
        maps_p = as_convolved(pose_volume(paired, self.settings))
        if unpaired is None:
            return Branch(maps_p, self._frames(maps_p)), None
        maps_s = as_convolved(pose_volume(unpaired, self.settings))
        if self.settings.joint_forward:
            both = self._frames(torch.cat((maps_p, maps_s)))
            return Branch(maps_p, both[: len(maps_p)]), Branch(maps_s, both[len(maps_p) :])
        return Branch(maps_p, self._frames(maps_p)), Branch(maps_s, self._frames(maps_s))

    def _frames(self, maps: Tensor) -> Tensor:
        return self.G(maps).float()

    def _logits(self, critic: PatchGAN, *seen: Tensor) -> Tensor:
        return critic(torch.cat([as_convolved(one) for one in seen], 1)).float()

    def discriminator_losses(self, paired: Branch | None, unpaired: Branch | None, real: Tensor) -> dict[str, Tensor]:
        """With the paired branch −Eq. (2) for D_p, if there is one; with the unpaired one −Eq. (5) for D_s.

        Args:
            real: (B, 3·N, H, W) in [−1, 1].

        Real and generated go through in turn: batched together they would share BatchNorm's statistics.
        """
        result = {}
        if self.settings.adversarial and paired is not None:
            real_p = self._logits(self.D_p, paired.maps, real)
            fake_p = self._logits(self.D_p, paired.maps, paired.generated.detach())
            result["d_p"] = -losses.paired_gan(real_p, fake_p)
        if unpaired is not None:
            result["d_s"] = -losses.unpaired_gan(
                self._logits(self.D_s, real), self._logits(self.D_s, unpaired.generated.detach())
            )
        return result

    def generator_losses(
        self, paired: Branch, unpaired: Branch | None, real: Tensor, poses: Tensor | None = None, flow: Tensor | None = None
    ) -> dict[str, Tensor]:
        """G's terms: `gan_p` and `vgg` of Eq. (3) and `l1`, each if it is asked for; with the unpaired branch `gan_s` and `tc` of Eq. (6).

        Args:
            poses: (B, M, 18, 2) joints of the unpaired samples, M = max(N, 2).
            flow: (B, M − 1, 2, H, W) pixels.
        """
        s = self.settings
        result = {}
        if (
            s.lambda_vgg > 0
        ):  # first, since it needs much memory for a moment, and the discriminators' graphs hold theirs from now on
            result["vgg"] = losses.vgg(self.phi, paired.generated, real, s.reduction)
        if s.adversarial:
            result["gan_p"] = losses.generator_gan(self._logits(self.D_p, paired.maps, paired.generated), s.saturating)
        if s.lambda_l1 > 0:
            result["l1"] = losses.l1(paired.generated, real, s.reduction)
        if unpaired is not None:
            frames = unpaired.generated.reshape(*poses.shape[:2], 3, s.size, s.size)
            alpha = limb_falloff(poses[:, 1:].flatten(0, 1), s.size, s.falloff_sigma)
            result["gan_s"] = losses.generator_gan(self._logits(self.D_s, unpaired.generated), s.saturating)
            result["tc"] = losses.temporal_coherence(
                frames[:, :-1].flatten(0, 1), frames[:, 1:].flatten(0, 1), flow.flatten(0, 1), alpha, s.reduction
            )
        return result

    def objective(self, terms: dict[str, Tensor], lambda_s: float) -> Tensor:
        """Eq. (6) from `generator_losses`; without the unpaired branch Eq. (3) alone. The ℓ1 loss, if asked for, is added."""
        rec = losses.reconstruction(terms.get("gan_p", 0.0), terms.get("vgg", 0.0), self.settings.lambda_vgg)
        rec = rec + self.settings.lambda_l1 * terms.get("l1", 0.0)
        if "tc" not in terms:
            return rec
        return losses.total(rec, terms["gan_s"], terms["tc"], lambda_s, self.settings.lambda_tc)
