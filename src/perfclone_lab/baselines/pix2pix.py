"""pix2pix (Isola et al. 2016), extended from images to confidence maps as Sec. 5.1 says: our training with other settings.

Single frames; a conditional PatchGAN that sees pose and frame; ℓ1 with weight 100 in place of Eq. (1); no unpaired branch. Initial
weights of deviation 0.02, Adam's momenta and the learning rate's linear fall over the second half are its authors'. Frames are
enlarged from 256 to 286 pixels and cropped at random, but never flipped, since the maps know left from right.

At test time its authors' code stays in the mode of training, with dropout and the batch's own statistics, and so does this. Dropout is
their noise z, drawn anew for each image; here it is the same draw for every frame, so that a frame can be made again, and no flicker
comes from it. Their batch is one image. Here a step has as many samples as one of ours has paired windows: same frames, same steps, same
samples a step. Sizes, steps and learning rate are those of the budget.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from perfclone.training import TrainSettings
from perfclone.training.loop import Parts
from perfclone.training.methods import METHODS
from perfclone.training.two_branches import TwoBranches

JITTER = 15 / 256
"""By which share of the side a frame is moved at most; 256 of 286 pixels."""


@METHODS.register("pix2pix")
class Pix2Pix(TwoBranches):
    """pix2pix as a task: ours with one branch and other settings."""

    @classmethod
    def settings_for(cls, base: TrainSettings) -> TrainSettings:
        """See `pix2pix_settings`."""
        return pix2pix_settings(base)

    @classmethod
    def about(cls, reference: Parts, unpaired: Parts) -> dict:
        """See `Task.about`. Nothing is learned from others."""
        return {"unpaired": []}

    @classmethod
    def data(cls, settings: TrainSettings, device: torch.device, reference: Parts, unpaired: Parts) -> tuple:
        """See `Task.data`. There is no unpaired branch."""
        return super().data(settings, device, reference, ())


def pix2pix_settings(base: TrainSettings) -> TrainSettings:
    """The settings of pix2pix at a budget.

    Args:
        base: its size, width, steps, batch, learning rate, precision and patches, and how maps are rendered, are kept.
    """
    own = TrainSettings()
    return replace(
        base,
        window=1,
        beta1=own.beta1,
        beta2=own.beta2,
        init_std=own.init_std,
        decay_share=0.5,
        saturating=False,
        norm="batch",
        dropout=True,
        test_dropout=True,
        test_statistics="batch",
        shift=JITTER,
        crop=True,
        adversarial=True,
        lambda_vgg=0.0,
        lambda_l1=100.0,
        reduction="mean",
        warmup_share=own.warmup_share,
        lambda_s=own.lambda_s,
        lambda_tc=own.lambda_tc,
        falloff_sigma=own.falloff_sigma,
        joint_forward=False,
        vgg_range=own.vgg_range,
    )
