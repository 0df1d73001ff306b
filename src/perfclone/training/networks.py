"""G and the discriminators of one training, with the objective that moves them (Sec. 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .. import losses
from ..fast import fast
from ..nets import VGGFeatures, confidence_maps, limb_falloff
from ..nets.blocks import at_test_time, initialise
from ..nets.generators import GENERATORS
from ..skeleton import J
from .discriminators import DISCRIMINATORS, Branch, as_convolved
from .settings import TrainSettings

OWN_TERMS = ("D_p", "D_s")
"""Discriminators whose terms stand in Eq. (6). Those of others are added to it."""


def generator(settings: TrainSettings) -> nn.Module:
    """G, (B, J·N, H, W) confidence maps → (B, 3·N, H, W) frames. InputError if no generator has the name that the settings give."""
    s = settings
    return GENERATORS.find(s.generator)(J * s.window, 3 * s.window, s.size, s.width, s.norm, s.dropout)


def pose_volume(joints: Tensor, settings: TrainSettings) -> Tensor:
    """(B, N, 18, 2) joints → (B, J·N, size, size) confidence maps, as G takes them (Sec. 3.1)."""
    return confidence_maps(joints.flatten(1, 2), settings.size, settings.joint_sigma, settings.normalise_maps)


@torch.no_grad()
def generate(net: nn.Module, joints: Tensor, settings: TrainSettings) -> Tensor:
    """(B, N, 18, 2) joints → (B, N, size, size, 3) uint8, leaving the network's state and mode as they were.

    With BatchNorm on the batch's own statistics each window is a batch of its own: what a frame looks like must not depend
    on which others happen to be generated with it (A10). So it is with dropout, whose draw is the same for every window.
    """
    alone = settings.test_statistics == "batch" or settings.test_dropout
    with at_test_time(net, settings.test_statistics, settings.test_dropout):
        frames = torch.cat([_answer(net, part, settings) for part in (joints.split(1) if alone else (joints,))])
    return to_pictures(frames).unflatten(1, (settings.window, 3)).permute(0, 1, 3, 4, 2)


def _answer(net: nn.Module, joints: Tensor, settings: TrainSettings) -> Tensor:
    devices = [joints.device] if joints.device.type == "cuda" else []
    with torch.random.fork_rng(devices, enabled=settings.test_dropout):
        if settings.test_dropout:
            torch.manual_seed(0)
        return net(pose_volume(joints, settings))


def to_pictures(frames: Tensor) -> Tensor:
    """[−1, 1] → uint8."""
    return ((frames + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


class Networks(nn.Module):
    """All networks with their losses. Under autocast, G's frames and the discriminators' logits are fp32 all the same.

    Args:
        settings: see `TrainSettings`.
    """

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__()
        self.settings = settings
        self.G = generator(settings)
        found = {name: DISCRIMINATORS.find(name)(settings) for name in settings.discriminators}
        self.discriminators = nn.ModuleDict(found)
        self.phi = VGGFeatures(settings.vgg_range)
        for net in (self.G, *found.values()):
            initialise(net, settings.init_std)

    def forward(self, paired: Tensor, unpaired: Tensor | None) -> tuple[Branch, Branch | None]:
        """One forward of G a branch: poses (B, N, 18, 2) of each half → what it generated. Two forwards, as drawn, or one (A11)."""
        maps_p = as_convolved(pose_volume(paired, self.settings))
        if unpaired is None:
            return Branch(paired, maps_p, self._frames(maps_p)), None
        maps_s = as_convolved(pose_volume(unpaired, self.settings))
        if self.settings.joint_forward:
            both = self._frames(torch.cat((maps_p, maps_s)))
            frames_p, frames_s = both[: len(maps_p)], both[len(maps_p) :]
        else:
            frames_p, frames_s = self._frames(maps_p), self._frames(maps_s)
        return Branch(paired, maps_p, frames_p), Branch(unpaired, maps_s, frames_s)

    def _frames(self, maps: Tensor) -> Tensor:
        return self.G(maps).float()

    def seen(self, paired: Branch, unpaired: Branch | None) -> dict[str, Branch]:
        """Which discriminators have something to judge, and what: D_p only if it is asked for, D_s only with the unpaired branch."""
        branches = {name: paired if net.paired else unpaired for name, net in self.discriminators.items()}
        adversarial = self.settings.adversarial
        return {name: branch for name, branch in branches.items() if branch is not None and (adversarial or name != "D_p")}

    def discriminator_loss(self, name: str, branch: Branch, real: Tensor) -> Tensor:
        """What one discriminator minimises, such as −Eq. (2) for D_p and −Eq. (5) for D_s.

        Args:
            name: which.
            branch: what it judges, of `seen`.
            real: (B, 3·N, H, W) in [−1, 1].
        """
        return self.discriminators[name].loss(branch, real)

    def generator_losses(
        self, paired: Branch, unpaired: Branch | None, real: Tensor, poses: Tensor | None = None, flow: Tensor | None = None
    ) -> dict[str, Tensor]:
        """G's terms: `gan_p` and `vgg` of Eq. (3) and `l1`, each if it is asked for; with the unpaired branch `gan_s` and `tc` of Eq. (6).

        Args:
            poses: (B, M, 18, 2) joints of the unpaired samples, M = max(N, 2).
            flow: (B, M − 1, 2, H, W) pixels.
        """
        s = self.settings
        seen = self.seen(paired, unpaired)

        def gan(of_paired: bool) -> dict[str, Tensor]:
            judges = {name: self.discriminators[name] for name in seen if self.discriminators[name].paired is of_paired}
            return {term(name): net.generator_loss(seen[name], s.saturating) for name, net in judges.items()}

        result = {}
        if s.lambda_vgg > 0:  # first, since it needs much memory for a moment, and the discriminators' graphs hold theirs from now on
            result["vgg"] = fast(losses.vgg)(self.phi, paired.generated, real, s.reduction)
        result |= gan(of_paired=True)
        if s.lambda_l1 > 0:
            result["l1"] = losses.l1(paired.generated, real, s.reduction)
        if unpaired is not None:
            frames = unpaired.generated.reshape(*poses.shape[:2], 3, s.size, s.size)
            alpha = fast(limb_falloff)(poses[:, 1:].flatten(0, 1), s.size, s.falloff_sigma)
            result |= gan(of_paired=False)
            result["tc"] = losses.temporal_coherence(
                frames[:, :-1].flatten(0, 1), frames[:, 1:].flatten(0, 1), flow.flatten(0, 1), alpha, s.reduction
            )
        return result

    def objective(self, terms: dict[str, Tensor], lambda_s: float) -> Tensor:
        """Eq. (6) from `generator_losses`; without the unpaired branch Eq. (3) alone. The ℓ1 loss and further discriminators are added."""
        s = self.settings
        whole = losses.reconstruction(terms.get("gan_p", 0.0), terms.get("vgg", 0.0), s.lambda_vgg)
        whole = whole + s.lambda_l1 * terms.get("l1", 0.0)
        if "tc" in terms:
            whole = losses.total(whole, terms.get("gan_s", 0.0), terms["tc"], lambda_s, s.lambda_tc)
        for name, net in self.discriminators.items():
            if name not in OWN_TERMS and term(name) in terms:
                whole = whole + net.weight(s) * terms[term(name)]
        return whole


def term(name: str) -> str:
    """What G's loss against a discriminator is called: `gan_p` against D_p."""
    return "gan_" + name.removeprefix("D_")
