"""PG² (Ma et al. 2017): pose-guided person generation, from one picture of somebody and a pose to a picture of them in it (Fig. 8).

One network draws everybody. It learns from pairs of pictures of the same person, over many people (`crowd`), and has never seen the
target actor; all that it is told of them is one frame. The first stage (G1) learns the pose-masked ℓ1 loss alone and answers with a blurred
picture; in the second, G1 rests, and G2 learns a difference map that is added to its answer, against a discriminator. The paper, which
took its authors' trained network, says that its result "will likely improve after training with the same reference video": `fine_tune_pg2`.

Networks and losses are as its text has them; stages and λ as its authors' released code has, which in turn differs from the text in what
the discriminator sees (single images, with the conditioning one among the generated) and in G1's loss (no mask). Sizes, steps, learning
rate and its fall, and by how much frames are moved are those of the budget; its authors mirror at random instead, which is left out for all
methods; and poses are our Gaussians, see `pose_maps`. Their crowd is DeepFashion's and ours is rendered, so this says nothing of what
theirs makes of an actor.

Its answer depends on one frame and one pose, so it is used like any other actor's with N = 1 (`pg2_actor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from perfclone import losses
from perfclone.capture import Performance, archive
from perfclone.device import find_device
from perfclone.errors import InputError
from perfclone.fast import fast
from perfclone.files import write_bytes, write_json
from perfclone.nets import confidence_maps, limb_falloff
from perfclone.skeleton import FRAME, J
from perfclone.training import Actor, TrainSettings, load_actor
from perfclone.training import actor as files
from perfclone.training.batches import MINIMUM_FRAMES, jitter
from perfclone.training.loop import Parts, Task
from perfclone.training.methods import METHODS
from perfclone.training.networks import to_pictures
from perfclone.training.trainer import actor_folder, find_actor, find_settings, keep_reference, make_spec, source, train_task
from perfclone.viz import contact_sheet, draw_pose, encode_png, enlarge

from ..datasets.crowd import Crowd
from ..nets.pg2 import PersonNetworks

STAGE_1 = 22 / 36
"""Share of the steps that train G1; 22,000 of 36,000 in its authors' training on Market-1501."""
LAMBDA = 10.0
"""Weight of G2's pose-masked loss. The text has λ without a number, its authors' code ten for Market-1501 and fifty for DeepFashion."""
MASK_RADIUS = 10 / 256
"""How far from a limb or joint M_B reaches, as a share of the side. On the shipped crowd it then holds nearly all of the
people's pixels, and most of it are theirs."""
PEAK = 5.0
"""What the map of a joint reaches at the joint, see `pose_maps`."""
METHOD, FINE_TUNED = "PG2", "PG2, fine-tuned"
"""What records call it, as trained on a crowd and after a reference video's own frames."""
PICTURE = "picture.png"
"""The conditioning image in an actor's folder."""
AT_ONCE = 16
"""Frames that go through the networks at a time."""


def pg2_settings(base: TrainSettings) -> TrainSettings:
    """The settings of PG² at a budget.

    Args:
        base: its size, width, steps, batch, learning rate with its fall, Adam's momenta, σ of the maps, shift and precision are
            kept.

    Returns:
        Those, with N = 1 and maps as `pose_maps` has them. It has no use for the others, which are the defaults.
    """
    kept = (
        "size", "width", "steps", "batch", "learning_rate", "decay_share", "beta1", "beta2", "joint_sigma",
        "shift", "precision",
    )  # fmt: skip
    return TrainSettings(window=1, normalise_maps=False, **{name: getattr(base, name) for name in kept})


def stage_1_steps(settings: TrainSettings) -> int:
    """Steps that train G1. Those after them train G2 and D."""
    return round(STAGE_1 * settings.steps)


# ---- the pose, and losses ----


def pose_maps(joints: Tensor, settings: TrainSettings) -> Tensor:
    """P_B, a map for each joint: our Gaussians, from 0 to `PEAK`, where its authors have discs of a radius of 4 pixels, from −1 to 1.

    How high they are matters to networks without normalisation that learn for a short while: on people of the crowd who did not
    train, a peak of 5 gave the least error after 150 steps as after 600, maps from −1 to 1 by far the largest, and maps of unit
    variance, as ours has them, garish spots.

    Args:
        joints: (B, 18, 2) float, pixels of the aligned frame, NaN where missing.
        settings: size and σ.

    Returns:
        (B, 18, size, size) float in [0, 5].
    """
    return PEAK * confidence_maps(joints, settings.size, settings.joint_sigma, normalise=False)


def pose_mask(joints: Tensor, size: int) -> Tensor:
    """M_B, roughly where the person is, from the pose alone: what lies within `MASK_RADIUS` of a limb or a joint.

    Args:
        joints: (B, 18, 2) float, pixels of the aligned frame, NaN where missing.
        size: side of the mask in pixels.

    Returns:
        (B, 1, size, size) float, 1 or 0.
    """
    limbs = fast(limb_falloff)(joints, size, MASK_RADIUS)
    points = confidence_maps(joints, size, MASK_RADIUS, normalise=False).amax(1, keepdim=True)
    return (torch.maximum(limbs, points) >= np.exp(-0.5)).to(joints.dtype)  # which is what a Gaussian is one σ away


def pose_masked_l1(generated: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """‖(G(I_A, P_B) − I_B) ⊙ (1 + M_B)‖₁, the mean over elements.

    Args:
        generated, target: (B, 3, H, W) in [−1, 1].
        mask: (B, 1, H, W), of `pose_mask`.

    Returns:
        Scalar, at least 0.
    """
    return ((generated - target).abs() * (1 + mask)).mean()


# ---- data ----


@dataclass(frozen=True, eq=False)
class People:
    """Frames of some people, each in several poses, on the device."""

    frames: Tensor
    """(K, 3, size, size) uint8, on white, one person's after the other's."""
    joints: Tensor
    """(K, 18, 2) float32, pixels of the aligned frame, NaN where missing."""
    counts: tuple[int, ...]
    """Frames of each person, at least two."""

    @classmethod
    def of_crowd(cls, crowd: Crowd, size: int, device: torch.device) -> People:
        """A crowd. InputError if it has one pose a person, which makes no pairs."""
        poses = crowd.joints.shape[1]
        if poses < 2:
            raise InputError("the crowd has one pose a person and pairs are needed: make one with more --poses")
        return cls._of(
            crowd.frames(size).reshape(-1, size, size, 3), crowd.joints.reshape(-1, J, 2), [poses] * len(crowd), device
        )

    @classmethod
    def of_video(cls, parts: Sequence[Performance], size: int, device: torch.device) -> People:
        """One person, in the frames of a video in which they are seen. InputError if these are too few."""
        frames = np.concatenate([part.frames(size)[part.poses.seen] for part in parts])
        joints = np.concatenate([part.poses.joints[part.poses.seen] for part in parts])
        if len(frames) < MINIMUM_FRAMES:
            raise InputError(
                f"{parts[0].name} has {len(frames)} usable frames and training needs {MINIMUM_FRAMES}: film longer, with the"
                " whole body in view"
            )
        return cls._of(frames, joints, [len(frames)], device)

    @classmethod
    def _of(cls, frames: np.ndarray, joints: np.ndarray, counts: Sequence[int], device: torch.device) -> People:
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()
        return cls(pictures.to(device), torch.from_numpy(joints).to(device), tuple(counts))

    def batch(self, count: int, draw: torch.Generator, shift: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs of two frames of a person: each person as likely, and of theirs each pair.

        Args:
            count: how many, drawn with replacement.
            draw: where the choice comes from.
            shift: up to which share of the side a frame is moved each way. The conditioning frame is moved by itself.

        Returns:
            Conditioning images I_A (count, 3, size, size) in [−1, 1], target poses P_B (count, 18, 2), targets I_B like I_A.
        """
        counts = torch.tensor(self.counts)
        person = torch.randint(len(counts), (count,), generator=draw)
        first, second = (torch.rand(count, generator=draw, dtype=torch.float64) for _ in range(2))
        a = (first * counts[person]).long()
        b = (a + 1 + (second * (counts[person] - 1)).long()) % counts[person]  # another one, each as likely
        before = torch.cumsum(counts, 0)[person] - counts[person]
        a, b = ((before + at).to(self.frames.device) for at in (a, b))
        given, _ = jitter(self.frames[a], draw, shift)
        target, by = jitter(self.frames[b], draw, shift)
        joints = self.joints[b]
        if by is not None:
            joints = joints + by[:, None] * (FRAME / target.shape[-1])
        return _signed(given), joints, _signed(target)

    def moments(self, count: int) -> tuple[Tensor, Tensor]:
        """(count,) int64 twice, for a picture: target frames at equal distances, before them the first frame of the same person."""
        ends = np.cumsum(self.counts)
        targets = (2 * np.arange(count) + 1) * len(self.frames) // (2 * count)
        person = np.searchsorted(ends, targets, side="right")
        given = (ends - self.counts)[person]
        return torch.from_numpy(given).to(self.frames.device), torch.from_numpy(targets).to(self.frames.device)


def _signed(frames: Tensor) -> Tensor:
    return frames.float() / 127.5 - 1


# ---- training ----


@METHODS.register(METHOD)
class PG2(Task):
    """PG² as a task of two stages, which the number of the step tells apart.

    Args:
        settings: of `pg2_settings`.
        seed: of the weights.
        device: where the data are.
        people: whom it learns from.
        start: the networks to go on from; None begins anew.
    """

    def __init__(
        self, settings: TrainSettings, seed: int, device: torch.device, people: People, start: PersonNetworks | None = None
    ) -> None:
        super().__init__(settings, seed, device)
        self.people = people
        nets = PersonNetworks(settings.size, settings.width)
        if start is not None:
            nets.load_state_dict(start.state_dict())
        self.nets: PersonNetworks = self.on_device(nets)
        self.generator = self.nets  # with D, since fine-tuning goes on with it
        self.optimisers = {
            "coarse": self.adam(self.nets.coarse),
            "refiner": self.adam(self.nets.refiner),
            "critic": self.adam(self.nets.critic),
        }

    @classmethod
    def settings_for(cls, base: TrainSettings) -> TrainSettings:
        """See `pg2_settings`."""
        return pg2_settings(base)

    @classmethod
    def data(cls, settings: TrainSettings, device: torch.device, reference: Parts, unpaired: Parts) -> tuple:
        """See `Task.data`. InputError: there are no performances that it learns from; `train_pg2` has a crowd."""
        raise InputError("PG2 learns from a crowd: train it with perfclone_lab.baselines.train_pg2, then pg2_actor")

    @classmethod
    def network(cls, settings: TrainSettings, record: dict) -> nn.Module:
        """See `Task.network`."""
        return PersonNetworks(settings.size, settings.width)

    @classmethod
    def frames(cls, actor: Actor, joints: Tensor) -> Tensor:
        """See `Task.frames`. InputError if it knows no actor yet (`pg2_actor`)."""
        given = torch.from_numpy(conditioning_picture(actor)).to(joints.device).expand(len(joints), -1, -1, -1)
        return generate(actor.generator, given, joints[:, 0], actor.settings)[1][:, None]

    def step(self, number: int, draw: torch.Generator) -> dict[str, Tensor]:
        """One step of G1; in the second stage one of G2, then one of D, in its authors' order."""
        picture, joints, target = self.people.batch(self.settings.batch // 2, draw, self.settings.shift)
        maps = pose_maps(joints, self.settings)
        mask = pose_mask(joints, self.settings.size)
        first = number < stage_1_steps(self.settings)
        found = self._coarse_step(picture, maps, target, mask) if first else self._refining_step(picture, maps, target, mask)
        return {name: value.detach() for name, value in found.items()}

    def _coarse_step(self, picture: Tensor, maps: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
        with self.autocast():
            coarse = self.nets.coarse(picture, maps).float()
        loss = pose_masked_l1(coarse, target, mask)
        self.minimise(loss, "coarse")
        return {"coarse": loss}

    def _refining_step(self, picture: Tensor, maps: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
        nets = self.nets
        with self.autocast():
            with torch.no_grad():
                coarse = nets.coarse(picture, maps).float()
            refined = coarse + nets.refiner(picture, coarse).float()
            nets.critic.requires_grad_(False)
            gan = losses.generator_gan(nets.critic(picture, refined).float())
        fine = pose_masked_l1(refined, target, mask)
        self.minimise(gan + LAMBDA * fine, "refiner")
        nets.critic.requires_grad_(True)
        with self.autocast():  # in turn: batched together they would share BatchNorm's statistics
            real, fake = (nets.critic(picture, image).float() for image in (target, refined.detach()))
        d = -losses.paired_gan(real, fake)
        self.minimise(d, "critic")
        return {"gan": gan, "fine": fine, "d": d}

    def samples(self) -> np.ndarray:
        """Conditioning images, poses, coarse answers, refined answers, and the truth."""
        given, at = self.people.moments(8)
        pictures, truth = (self.people.frames[index].permute(0, 2, 3, 1).cpu().numpy() for index in (given, at))
        joints = self.people.joints[at]
        both = generate(self.nets, torch.from_numpy(pictures).to(self.device), joints, self.settings)
        drawn = [draw_pose(pose, self.settings.size) for pose in joints.cpu().numpy()]
        tiles = [*pictures, *drawn, *(frame for frames in both for frame in frames.cpu().numpy()), *truth]
        return contact_sheet([enlarge(tile, max(128, self.settings.size)) for tile in tiles])


@torch.no_grad()
def generate(nets: PersonNetworks, pictures: Tensor, joints: Tensor, settings: TrainSettings) -> tuple[Tensor, Tensor]:
    """(B, size, size, 3) uint8 conditioning images and (B, 18, 2) poses → coarse and refined frames, each like the images."""
    answers = []
    for some, poses in zip(pictures.split(AT_ONCE), joints.split(AT_ONCE), strict=True):
        both = nets(_signed(some.permute(0, 3, 1, 2)), pose_maps(poses, settings))
        answers.append([to_pictures(x).permute(0, 2, 3, 1) for x in both])
    coarse, refined = (torch.cat(frames) for frames in zip(*answers, strict=True))
    return coarse, refined


@METHODS.register(FINE_TUNED)
class FineTunedPG2(PG2):
    """PG² that went on with a reference video's own frames."""


def train_pg2(
    crowd: Crowd,
    *,
    profile: str = "quick",
    settings: TrainSettings | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
) -> Actor:
    """Train PG² on a crowd, resuming if `out` holds an unfinished training of the same kind.

    Args:
        crowd: the people, of whom `Crowd.first` takes fewer.
        profile: the budget, see `PROFILES`.
        settings: in place of the profile's. Of either, `pg2_settings` takes what it can use.
        seed, device, out: as `training.train` has them.

    Returns:
        The networks, in the form of an actor whom nobody is yet: `pg2_actor` makes one of it.

    Raises:
        InputError: as `training.train`.
    """
    settings, name = find_settings(profile, settings)
    settings, place = pg2_settings(settings), find_device(device)
    spec = make_spec(METHOD, settings, seed, {"reference": [crowd.source], "unpaired": [], "poses": 0})
    folder = actor_folder(out, spec)
    if (trained := find_actor(folder, spec, device)) is not None:
        return trained
    people = People.of_crowd(crowd, settings.size, place)
    return train_task(partial(PG2, settings, seed, place, people), [], folder, spec | {"profile": name}, device)


def fine_tune_pg2(
    trained: Actor,
    reference: Performance | Sequence[Performance],
    *,
    device: str = "auto",
    out: str | Path | None = None,
) -> Actor:
    """Go on from a training on a crowd with a reference video: pairs of its own frames, and both stages again.

    It takes as many steps as on the crowd, so that it has seen as many samples of the actor as our training at this budget, at the same
    learning rate, which falls again. The paper says that this would help and not how it is to be done.

    Args:
        trained: of `train_pg2`, whose settings and seed are kept.
        reference: the target actor's performance, or several parts of one.
        device, out: as `training.train` has them.

    Raises:
        InputError: too few usable frames, or as `training.train`.
    """
    parts = [reference] if isinstance(reference, Performance) else list(reference)
    settings, seed, place = trained.settings, trained.record["seed"], find_device(device)
    about = {"unpaired": trained.record["reference"], "from": trained.record["hash"]}
    spec = make_spec(FINE_TUNED, settings, seed, {"reference": [source(part) for part in parts]} | about)
    folder = actor_folder(out, spec)
    if (tuned := find_actor(folder, spec, device)) is not None:
        return tuned
    people = People.of_video(parts, settings.size, place)
    more = {"profile": trained.record["profile"], "seconds_before": trained.record["seconds"]}
    make = partial(FineTunedPG2, settings, seed, place, people, trained.generator)
    return train_task(make, parts, folder, spec | more, device)


# ---- actors ----


def conditioning_frame(joints: np.ndarray) -> int:
    """The frame by which an actor is known: of those in which most joints are seen the one nearest to the mean pose.

    Args:
        joints: (T, 18, 2) float, pixels of the aligned frame, NaN where missing.

    Returns:
        Its number. The mean is each joint's own, over the frames in which it is seen, and nearness the mean squared distance.
    """
    seen = ~np.isnan(joints).any(-1)
    candidates = np.flatnonzero(seen.sum(1) == seen.sum(1).max())
    mean = np.where(seen[..., None], joints, 0).sum(0) / np.maximum(seen.sum(0), 1)[:, None]
    distance = np.nanmean(((joints[candidates] - mean) ** 2).sum(-1), 1)
    return int(candidates[distance.argmin()])


def conditioning_picture(actor: Actor) -> np.ndarray:
    """(size, size, 3) uint8 on white, the frame by which an actor is known. InputError if there is none, or it is damaged."""
    if not (actor.folder / PICTURE).is_file():
        raise InputError(f"{actor.folder} knows a crowd and no actor: make one of it with perfclone_lab.baselines.pg2_actor")
    with archive.damage(f"the actor folder {actor.folder}", "train the actor again"):
        size = actor.settings.size
        png = archive.check_png((actor.folder / PICTURE).read_bytes(), size, size, "RGB")
        return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()


def pg2_actor(trained: Actor, reference: Performance | Sequence[Performance], out: str | Path | None = None) -> Actor:
    """Make an actor of one frame of a reference video (`conditioning_frame`).

    Args:
        trained: of `train_pg2` or `fine_tune_pg2`.
        reference: the target actor's performance, or several parts of one.
        out: the actor's folder, by default one in the cache.

    Raises:
        InputError: nobody is seen, the folder holds another actor, or can't be written.
    """
    parts = [reference] if isinstance(reference, Performance) else list(reference)
    crowd = trained.record["unpaired" if trained.method == FINE_TUNED else "reference"]
    about = {"reference": [source(part) for part in parts], "unpaired": crowd, "from": trained.record["hash"], "actor": True}
    spec = make_spec(trained.method, trained.settings, trained.record["seed"], about)
    folder, device = actor_folder(out, spec), trained.device.type
    if (actor := find_actor(folder, spec, device)) is not None:
        return actor
    _keep_actor(folder, trained, parts, spec)
    return load_actor(folder, device)


def _keep_actor(folder: Path, trained: Actor, parts: list[Performance], spec: dict) -> None:
    """Write its folder; the record goes last, so that without it there is nothing yet."""
    if not any(part.poses.seen.any() for part in parts):
        raise InputError(f"nobody is seen in {parts[0].name}: give another video")
    at = conditioning_frame(np.concatenate([part.poses.joints for part in parts]))
    picture = np.concatenate([part.frames(trained.settings.size) for part in parts])[at]
    for name in (files.WEIGHTS, files.LOG, files.SAMPLES):
        write_bytes(folder / name, (trained.folder / name).read_bytes())
    keep_reference(folder, parts)
    write_bytes(folder / PICTURE, encode_png(picture))
    seconds = round(trained.record["seconds"] + trained.record.get("seconds_before", 0), 1)
    kept = {name: value for name, value in trained.record.items() if name != "poses"}
    write_json(folder / files.RECORD, kept | spec | {"conditioning": at, "seconds": seconds})
