"""CycleGAN (Zhu et al. 2017): two sets of pictures, no pairs, and a generator each way whose detours have to lead back.

It is used in two ways (A13). Fig. 7 has frames of the driving actor and frames of the target. In the table of self-reenactment these
would be one actor's, and the answer the identity; so there one domain holds drawings of the poses (`viz.draw_pose`), the other the frames
that ours is trained on, as many a step, but never drawn as pairs.

Generators, discriminators, losses, their weights, the pool of former images and the learning rate's linear fall over the second half are
its authors'; so is the jitter, 256 of 286 pixels, but for the mirroring, since left and right matter. Their batch is one image of each
domain; here it is as many as ours has paired windows. Patches see the same share of the frame as ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from perfclone.capture import Performance
from perfclone.errors import InputError
from perfclone.nets import PatchGAN
from perfclone.nets.blocks import initialise
from perfclone.training import Actor, TrainSettings
from perfclone.training.batches import MINIMUM_FRAMES, jitter
from perfclone.training.loop import Parts, Task
from perfclone.training.methods import METHODS
from perfclone.training.networks import to_pictures
from perfclone.viz import contact_sheet, draw_pose, enlarge

from ..nets.resnet import ResNet
from . import cycle_losses as losses
from .pix2pix import JITTER

DRAWING, FRAMES = "drawing", "frames"
"""What the generator is given, a drawing of a pose or a frame of somebody else (A13)."""
AT_ONCE = 16
"""Pictures that go through the generator at a time."""
LAMBDA_CYCLE = 10.0
"""Weight of Eq. (2)."""
LAMBDA_IDENTITY = 0.5
"""Weight of the identity's term, times that of Eq. (2)."""
POOL = 50
"""Former images that a discriminator is shown again."""
INIT_STD = 0.02
"""Deviation of the initial weights."""


def cyclegan_settings(base: TrainSettings) -> TrainSettings:
    """The settings of CycleGAN at a budget.

    Args:
        base: its size, width, steps, batch, learning rate, Adam's momenta, patches and precision are kept.

    Returns:
        Those, with CycleGAN's jitter and schedule. It has no use for the others, which are the defaults.
    """
    kept = ("size", "width", "steps", "batch", "learning_rate", "beta1", "beta2", "patch_layers", "precision")
    taken = {name: getattr(base, name) for name in kept}
    return TrainSettings(window=1, shift=JITTER, crop=True, decay_share=0.5, **taken)


@dataclass(frozen=True, eq=False)
class Pictures:
    """One domain."""

    pictures: Tensor
    """(K, 3, size, size) uint8, on white."""

    @classmethod
    def of_frames(cls, performances: Sequence[Performance], size: int, device: torch.device) -> Pictures:
        """The frames in which somebody is seen. InputError if these are too few."""
        return cls._of(performances, [part.frames(size)[part.poses.seen] for part in performances], device)

    @classmethod
    def of_poses(cls, performances: Sequence[Performance], size: int, device: torch.device) -> Pictures:
        """Drawings of the poses of these frames. InputError if these are too few."""
        joints = [part.poses.joints[part.poses.seen] for part in performances]
        return cls._of(performances, [pose_drawings(one, size) for one in joints if len(one)], device)

    @classmethod
    def _of(cls, performances: Sequence[Performance], pictures: list[np.ndarray], device: torch.device) -> Pictures:
        usable = sum(map(len, pictures))
        if usable < MINIMUM_FRAMES:
            raise InputError(
                f"{performances[0].name} has {usable} usable frames and training needs {MINIMUM_FRAMES}: film longer, with the"
                " whole body in view"
            )
        return cls(torch.from_numpy(np.concatenate(pictures)).permute(0, 3, 1, 2).contiguous().to(device))

    def batch(self, count: int, draw: torch.Generator, shift: float, crop: bool) -> Tensor:
        """(count, 3, size, size) in [−1, 1], drawn with replacement, each moved by itself (see `training.batches.jitter`)."""
        at = torch.randint(len(self.pictures), (count,), generator=draw).to(self.pictures.device)
        moved, _ = jitter(self.pictures[at], draw, shift, crop)
        return moved.float() / 127.5 - 1

    def moments(self, count: int) -> Tensor:
        """(count, size, size, 3) uint8, at equal distances."""
        at = torch.linspace(0, len(self.pictures) - 1, count).long().to(self.pictures.device)
        return self.pictures[at].permute(0, 2, 3, 1)


class ImagePool(nn.Module):
    """Former generated images, half of which a discriminator is shown in place of new ones (Shrivastava et al. 2017).

    The images are part of the module's state, so that they survive a checkpoint.

    Args:
        size: side of the images.
        capacity: how many it holds.
    """

    def __init__(self, size: int, capacity: int = POOL):
        super().__init__()
        self.register_buffer("images", torch.zeros(capacity, 3, size, size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def exchange(self, fresh: Tensor, draw: torch.Generator) -> Tensor:
        """What the discriminator is shown for generated images, (B, 3, H, W) each, one after the other.

        While there is room an image is kept and returned. Then it is returned as it is half of the time; else a random one of the
        pool is returned, and the new one takes its place.
        """
        shown = []
        for image in fresh.detach():
            held = int(self.count)
            if held < len(self.images):
                self.images[held] = image
                self.count += 1
            elif torch.rand((), generator=draw) > 0.5:
                at = int(torch.randint(held, (), generator=draw))
                former = self.images[at].clone()
                self.images[at] = image
                image = former
            shown.append(image)
        return torch.stack(shown)


class CycleNetworks(nn.Module):
    """Both generators, both discriminators and their pools; `to_actor` is G of the paper, `to_source` is F."""

    def __init__(self, settings: TrainSettings):
        super().__init__()
        s = settings
        self.to_actor, self.to_source = (ResNet(s.size, s.width) for _ in range(2))
        self.d_actor, self.d_source = (PatchGAN(3, s.width, s.patch_layers, "instance") for _ in range(2))
        self.pool_actor, self.pool_source = (ImagePool(s.size) for _ in range(2))
        for net in (self.to_actor, self.to_source, self.d_actor, self.d_source):
            initialise(net, INIT_STD)


@METHODS.register("CycleGAN")
class CycleGAN(Task):
    """CycleGAN as a task. With unpaired performances their frames are the other domain (Fig. 7), else drawings of the reference's poses.

    Args:
        settings: of `cyclegan_settings`.
        seed: of the weights.
        device: where the data are.
        source: X, what the trained generator will be given.
        actor: Y, the target actor's frames.
    """

    def __init__(self, settings: TrainSettings, seed: int, device: torch.device, source: Pictures, actor: Pictures) -> None:
        super().__init__(settings, seed, device)
        self.source, self.actor = source, actor
        self.nets: CycleNetworks = self.on_device(CycleNetworks(settings))
        self.generator = self.nets.to_actor
        self.optimisers = {
            "generators": self.adam(self.nets.to_actor, self.nets.to_source),
            "discriminators": self.adam(self.nets.d_actor, self.nets.d_source),
        }

    @classmethod
    def settings_for(cls, base: TrainSettings) -> TrainSettings:
        """See `cyclegan_settings`."""
        return cyclegan_settings(base)

    @classmethod
    def about(cls, reference: Parts, unpaired: Parts) -> dict:
        """See `Task.about`: what the generator is given, `frames` of somebody else or a `drawing` of a pose (A13)."""
        return {"sees": FRAMES if unpaired else DRAWING}

    @classmethod
    def data(cls, settings: TrainSettings, device: torch.device, reference: Parts, unpaired: Parts) -> tuple:
        """See `Task.data`."""
        size, actor = settings.size, Pictures.of_frames(reference, settings.size, device)
        source = Pictures.of_frames(unpaired, size, device) if unpaired else Pictures.of_poses(reference, size, device)
        return source, actor

    @classmethod
    def network(cls, settings: TrainSettings, record: dict) -> nn.Module:
        """See `Task.network`."""
        return ResNet(settings.size, settings.width)

    @classmethod
    def frames(cls, actor: Actor, joints: Tensor) -> Tensor:
        """See `Task.frames`. InputError if it was trained on frames of somebody else (`translate_frames`)."""
        if actor.record["sees"] == FRAMES:
            raise InputError("this actor was trained from frames to frames and takes no poses: give frames to translate_frames")
        drawings = torch.from_numpy(pose_drawings(joints[:, 0].cpu().numpy(), actor.settings.size)).to(joints.device)
        return translate(actor.generator, drawings)[:, None]

    def step(self, number: int, draw: torch.Generator) -> dict[str, Tensor]:
        """One step of both generators, then one of both discriminators, in its authors' order."""
        s, nets = self.settings, self.nets
        x, y = (domain.batch(s.batch // 2, draw, s.shift, s.crop) for domain in (self.source, self.actor))
        self._critics_learn(False)
        with self.autocast():
            fake_y, fake_x = nets.to_actor(x).float(), nets.to_source(y).float()
            g_losses = self._generator_losses(x, y, fake_x, fake_y)
        gan = g_losses["gan_actor"] + g_losses["gan_source"]
        self.minimise(losses.total(gan, g_losses["cycle"], g_losses["identity"], LAMBDA_CYCLE, LAMBDA_IDENTITY), "generators")
        self._critics_learn(True)
        with self.autocast():
            d_losses = {
                "d_actor": self._critic_loss(nets.d_actor, y, nets.pool_actor.exchange(fake_y, draw)),
                "d_source": self._critic_loss(nets.d_source, x, nets.pool_source.exchange(fake_x, draw)),
            }
        self.minimise(sum(d_losses.values()), "discriminators")
        return {name: value.detach() for name, value in (d_losses | g_losses).items()}

    def _generator_losses(self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor) -> dict[str, Tensor]:
        nets = self.nets
        return {
            "gan_actor": losses.generator_gan(nets.d_actor(fake_y).float()),
            "gan_source": losses.generator_gan(nets.d_source(fake_x).float()),
            "cycle": losses.cycle_consistency(x, nets.to_source(fake_y).float(), y, nets.to_actor(fake_x).float()),
            "identity": losses.identity(x, nets.to_source(x).float(), y, nets.to_actor(y).float()),
        }

    def _critic_loss(self, critic: PatchGAN, real: Tensor, fake: Tensor) -> Tensor:
        return losses.discriminator_gan(critic(real).float(), critic(fake).float())

    def _critics_learn(self, learn: bool) -> None:
        self.nets.d_actor.requires_grad_(learn)
        self.nets.d_source.requires_grad_(learn)

    def samples(self) -> np.ndarray:
        """What the source looks like, and as the actor; what the actor looks like, and as the source."""
        tiles = []
        for domain, net in ((self.source, self.nets.to_actor), (self.actor, self.nets.to_source)):
            seen = domain.moments(8)
            tiles += [*seen.cpu().numpy(), *translate(net, seen).cpu().numpy()]
        return contact_sheet([enlarge(tile, max(128, self.settings.size)) for tile in tiles])


def translate_frames(actor: Actor, pictures: np.ndarray) -> np.ndarray:
    """What was trained on frames in test mode: (B, size, size, 3) uint8 of somebody else → the same of the actor."""
    return translate(actor.generator, torch.from_numpy(pictures).to(actor.device)).cpu().numpy()


@torch.no_grad()
def translate(net: nn.Module, pictures: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 → (B, H, W, 3) uint8. Instance normalisation makes each picture's answer its own."""
    x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    return torch.cat([to_pictures(net(part)) for part in x.split(AT_ONCE)]).permute(0, 2, 3, 1)


def pose_drawings(joints: np.ndarray, size: int) -> np.ndarray:
    """(B, 18, 2) joints → (B, size, size, 3) uint8 skeletons on white, for generators that see drawings (`viz.draw_pose`)."""
    return np.stack([draw_pose(pose, size) for pose in joints])
