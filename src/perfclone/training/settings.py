"""What a training is made of: every choice that the paper makes or leaves open, and the four budgets to run it at."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from ..errors import InputError


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one training; the defaults are the paper's, or where it is unclear our reading of it (A1-A21)."""

    size: int = 256
    """Side of the frames in pixels, a power of two from 64 up (Sec. 5)."""
    width: int = 64
    """Channels of the first layer of G, D_p and D_s (Isola et al. 2016)."""
    generator: str = "unet"
    """Which of `nets.generators.GENERATORS` is G."""
    discriminators: tuple[str, ...] = ("D_p", "D_s")
    """Which of `discriminators.DISCRIMINATORS` there are."""
    window: int = 2
    """N, consecutive poses in and frames out (Sec. 3.2)."""
    patch_layers: int = 3
    """Convolutions of stride 2 in the PatchGANs. Their receptive fields are 16, 34, 70 pixels for 1, 2, 3."""
    steps: int = 112_500
    """Steps in all, by default the paper's 150 epochs of about 3,000 frames, 4 paired windows a step."""
    batch: int = 8
    """Windows a step, half paired, half unpaired (Sec. 3.2)."""
    learning_rate: float = 2e-4
    """Adam's (Sec. 3.2); the short profiles take a larger one that falls."""
    decay_share: float = 0.0
    """Share of the steps, at the end, over which the learning rate falls linearly to zero. The paper names none; pix2pix and
    CycleGAN take 0.5, and so do the short profiles."""
    beta1: float = 0.5
    """Adam's first momentum (A1). The paper says 0.999, pix2pix uses 0.5."""
    beta2: float = 0.999
    """Adam's second momentum (A1)."""
    init_std: float = 0.02
    """Deviation of the initial weights (A2). The paper says N(0, 0.2), pix2pix uses 0.02."""
    saturating: bool = False
    """G minimises log(1 − D) as printed instead of −log D (A3)."""
    joint_sigma: float = 7 / 368
    """σ of the confidence maps, as a share of the frame's side, by default OpenPose's 7/368 (A4)."""
    normalise_maps: bool = True
    """Zero mean and unit variance over each joint's map (A5)."""
    falloff_sigma: float = 0.06
    """σ of α's falloff from the limbs, as a share of the frame's side (A6)."""
    warmup_share: float = 5 / 150
    """Share of the steps in which only the paired branch trains, λ_s = 0; by default 5/150 (A9)."""
    norm: str = "batch"
    """`batch` or `instance` normalisation in all networks (A10)."""
    dropout: bool = False
    """pix2pix's dropout in G's decoder, in training (A10)."""
    test_dropout: bool = False
    """That dropout at test time too, as in pix2pix's released code, by the same draw for every window."""
    test_statistics: str = "running"
    """BatchNorm at test time uses its `running` statistics or those of the `batch`, which is one window (A10)."""
    joint_forward: bool = False
    """One forward of G for both halves of the batch, whose BatchNorm then mixes them, instead of one for each (A11)."""
    reduction: str = "mean"
    """‖·‖₁ as a `mean` over elements or a `sum` (A17)."""
    vgg_range: str = "unit"
    """φ answers on the scale of inputs in [−1, 1] (`unit`) or 0..255 (`byte`) (A17)."""
    shift: float = 15 / 256
    """Paired windows are moved at random by up to this share of the side each way, by default 15/256 (A20). The paper says
    nothing; pix2pix, which it adapts, crops 256 of 286 pixels at random."""
    crop: bool = False
    """Paired windows are enlarged by twice `shift`, so that what is moved is cropped and no white comes in, as in pix2pix (A20)."""
    adversarial: bool = True
    """The paired branch has a discriminator, Eq. (2). Without it G minimises a reconstruction loss alone (Fig. 3)."""
    lambda_vgg: float = 10.0
    """Eq. (3); 0 leaves Eq. (1) out."""
    lambda_l1: float = 0.0
    """Weight of the ℓ1 loss on RGB values (Fig. 3), which the method does not have; pix2pix takes 100."""
    lambda_s: float = 0.1
    """Eq. (6), after the warm-up."""
    lambda_tc: float = 10.0
    """Eq. (6)."""
    precision: str = "auto"
    """In which the convolutions train, `fp32`, `bf16` or `auto` (see `device.find_precision`). Weights, statistics, φ and losses are
    fp32 in any case."""

    def __post_init__(self) -> None:
        if self.size not in (64, 128, 256, 512, 1024):
            raise ValueError("size must be a power of two from 64 to 1024")
        if not (1 <= self.width <= 256 and 1 <= self.window <= 16 and 1 <= self.patch_layers <= 5 and self.steps >= 1):
            raise ValueError("width must be 1 to 256, window 1 to 16, patch_layers 1 to 5, and steps at least 1")
        if not (self.adversarial or self.lambda_vgg > 0 or self.lambda_l1 > 0):
            raise ValueError("without discriminator, lambda_vgg and lambda_l1 there is nothing to minimise")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision must be auto, fp32 or bf16, not {self.precision!r}")
        if self.batch < 2 or self.batch % 2:
            raise ValueError("batch must be even and at least 2")
        if not isinstance(self.discriminators, tuple) or len(set(self.discriminators)) < len(self.discriminators):
            raise ValueError("discriminators must be a tuple of different names")
        if not 0 <= self.decay_share <= 1:
            raise ValueError("decay_share must be from 0 to 1")

    @property
    def warmup_steps(self) -> int:
        """Steps with λ_s = 0."""
        return round(self.warmup_share * self.steps)

    def learning_rate_at(self, step: int) -> float:
        """Adam's at a step, counted from 0. It stays at `learning_rate` until `decay_share` begins, and would be 0 after the last step."""
        decay = round(self.decay_share * self.steps)
        return self.learning_rate * min(1.0, (self.steps - step) / (decay + 1))


def stored_settings(found: dict) -> TrainSettings:
    """Settings out of a record. One that is not named has its default, since it may be younger than the record.

    Raises:
        ValueError, TypeError: a setting is unknown, or impossible.
    """
    if unknown := found.keys() - {field.name for field in fields(TrainSettings)}:
        raise ValueError(f"unknown settings {', '.join(sorted(unknown))}")
    return TrainSettings(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


@dataclass(frozen=True)
class Profile:
    """A budget: how large, how long, and how much of each video."""

    name: str
    settings: TrainSettings
    max_frames: int | None
    """Videos are cut to this many frames before pose extraction; None takes all."""
    purpose: str
    """What it is for, in words."""


def _profile(name: str, max_frames: int | None, purpose: str, **settings: float) -> Profile:
    return Profile(name, replace(TrainSettings(), **settings), max_frames, purpose)


# in a few hundred steps 2e-4 does not get far, and a rate as large as this has to fall; all three were chosen on dee
_short = {"learning_rate": 1e-3, "decay_share": 0.5, "shift": 1 / 8}
_profiles = (
    #         name    frames what for
    _profile("smoke", 150,  "seconds: does everything run?",             size=64,  width=8,  patch_layers=1, steps=150, **_short),
    _profile("quick", None, "about a minute on two CPU cores: the book", size=64,  width=16, patch_layers=1, steps=600, **_short),
    _profile("home",  None, "your own video, 15-30 minutes on a CPU",    size=128, width=24, patch_layers=2, steps=2_000, **_short),
    _profile("paper", None, "the paper's own settings, on a GPU",        size=256, width=64, patch_layers=3, steps=112_500),
)  # fmt: skip
PROFILES: dict[str, Profile] = {profile.name: profile for profile in _profiles}
"""Budgets are counted in steps, never in seconds, so that a result does not depend on the machine's mood."""


def find_profile(name: str) -> Profile:
    """The profile of that name; InputError, naming those that exist, if there is none."""
    if name not in PROFILES:
        raise InputError(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    return PROFILES[name]
