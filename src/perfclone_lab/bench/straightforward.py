"""The method written down plainly, to compare times with: what a competent person's first version does.

Confidence maps and α are made once and stored, a file a frame. A data loader reads them. Everything is fp32, in PyTorch's usual
layout, with the losses as they are printed and Adam as it comes. Networks, losses, batches and steps are those of
`training.two_branches`; G runs once a branch here too, and its frames serve the discriminators and itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from perfclone import losses
from perfclone.nets import PatchGAN, VGGFeatures, confidence_maps, limb_falloff
from perfclone.nets.blocks import initialise
from perfclone.training import TrainSettings
from perfclone.training.networks import generator
from perfclone.training.two_branches import TwoBranches


def store_frames(task: TwoBranches, folder: Path) -> None:
    """Write the data of a task as files, a frame each: `maps`, `frame` in [−1, 1], `flow` and `alpha`, all float32."""
    s, paired, unpaired = task.settings, task.paired, task.unpaired
    for index in range(len(paired.frames)):
        joints = unpaired.joints[index : index + 1]
        np.savez(
            folder / f"{index:06d}.npz",
            maps=confidence_maps(paired.joints[index : index + 1], s.size, s.joint_sigma, s.normalise_maps)[0].cpu().numpy(),
            frame=paired.frames[index].float().cpu().numpy() / 127.5 - 1,
            driver=confidence_maps(joints, s.size, s.joint_sigma, s.normalise_maps)[0].cpu().numpy(),
            flow=unpaired.flow[index].float().cpu().numpy(),
            alpha=limb_falloff(joints, s.size, s.falloff_sigma)[0].cpu().numpy(),
        )


class Windows(Dataset):
    """Pairs of consecutive frames out of a folder that `store_frames` filled.

    Args:
        folder: of the files.
        shift: paired maps and frames are moved by up to so many pixels each way.
    """

    def __init__(self, folder: Path, shift: int) -> None:
        self._files, self._shift = sorted(folder.glob("*.npz")), shift

    def __len__(self) -> int:
        return len(self._files) - 1

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        with np.load(self._files[index]) as one, np.load(self._files[index + 1]) as two:
            paired = torch.from_numpy(np.concatenate([one["maps"], two["maps"], one["frame"], two["frame"]]))
            driver = torch.from_numpy(np.concatenate([one["driver"], two["driver"]]))
            flow, alpha = torch.from_numpy(one["flow"]), torch.from_numpy(two["alpha"])
        maps = len(driver)
        x, y = torch.randint(-self._shift, self._shift + 1, (2,)).tolist()
        maps_p, real = _moved(paired[:maps], x, y, 0.0), _moved(paired[maps:], x, y, 1.0)
        return {"maps": maps_p, "real": real, "driver": driver, "flow": flow, "alpha": alpha}


def _moved(image: Tensor, x: int, y: int, fill: float) -> Tensor:
    return F.pad(image, (x, -x, y, -y), value=fill)


class Straightforward(nn.Module):
    """G, D_p and D_s with one step that trains them, for windows of two frames.

    Args:
        settings: sizes and numbers; window 2.
        phi: the features of Eq. (1).
        folder: of the stored frames.
        device: where it trains. On a CPU batches are read between steps, since a worker would take a core from them; else by two workers.
    """

    def __init__(self, settings: TrainSettings, phi: VGGFeatures, folder: Path, device: torch.device) -> None:
        super().__init__()
        if settings.window != 2:
            raise ValueError("the straightforward step is written for windows of two frames")
        self.settings, self.device = settings, device
        self.G, self.phi = generator(settings), phi
        s = settings
        self.D_p, self.D_s = (PatchGAN(channels, s.width, s.patch_layers, s.norm) for channels in (2 * (3 + 18), 6))
        for net in (self.G, self.D_p, self.D_s):
            initialise(net, settings.init_std)
        self.to(device)
        adam = {"lr": settings.learning_rate, "betas": (settings.beta1, settings.beta2)}
        self.adam_g = torch.optim.Adam(self.G.parameters(), **adam)
        self.adam_d = torch.optim.Adam(chain(self.D_p.parameters(), self.D_s.parameters()), **adam)
        self._batches = self._endless(folder)

    def _endless(self, folder: Path) -> Iterator[dict[str, Tensor]]:
        cuda = self.device.type == "cuda"
        data = Windows(folder, round(self.settings.shift * self.settings.size))
        draw = RandomSampler(data, replacement=True, num_samples=10**6)
        workers = 2 if cuda else 0
        for batch in DataLoader(data, self.settings.batch // 2, sampler=draw, num_workers=workers, pin_memory=cuda):
            yield {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}

    def step(self) -> None:
        """One step of the discriminators, then one of G."""
        batch = next(self._batches)
        fake_p, fake_s = self.G(batch["maps"]), self.G(batch["driver"])
        self.adam_d.zero_grad()
        self.discriminator_loss(batch, fake_p.detach(), fake_s.detach()).backward()
        self.adam_d.step()
        self.adam_g.zero_grad()
        self.generator_loss(batch, fake_p, fake_s).backward()
        self.adam_g.step()

    def discriminator_loss(self, batch: dict[str, Tensor], fake_p: Tensor, fake_s: Tensor) -> Tensor:
        """−Eq. (2) − Eq. (5)."""
        real_p, made_p = self._critic_p(batch["maps"], batch["real"]), self._critic_p(batch["maps"], fake_p)
        return -losses.paired_gan(real_p, made_p) - losses.unpaired_gan(self.D_s(batch["real"]), self.D_s(fake_s))

    def generator_loss(self, batch: dict[str, Tensor], fake_p: Tensor, fake_s: Tensor) -> Tensor:
        """Eq. (6)."""
        s = self.settings
        gan_p = losses.generator_gan(self._critic_p(batch["maps"], fake_p))
        vgg = losses.vgg(self.phi, fake_p, batch["real"])
        gan_s = losses.generator_gan(self.D_s(fake_s))
        tc = losses.temporal_coherence(fake_s[:, :3], fake_s[:, 3:], batch["flow"], batch["alpha"])
        return losses.total(losses.reconstruction(gan_p, vgg, s.lambda_vgg), gan_s, tc, s.lambda_s, s.lambda_tc)

    def _critic_p(self, maps: Tensor, frames: Tensor) -> Tensor:
        return self.D_p(torch.cat((maps, frames), 1))
