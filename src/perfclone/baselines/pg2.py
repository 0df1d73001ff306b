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

Its answer depends on one frame and one pose, so it is used like any other actor's with N = 1: `PG2Actor`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from filelock import FileLock
from torch import Tensor

from .. import losses
from ..capture import Performance, archive
from ..device import describe, find_device
from ..errors import InputError
from ..files import write_bytes, write_json
from ..nets import confidence_maps, limb_falloff
from ..provenance import code_hash, made_by
from ..skeleton import FRAME, J
from ..training import TrainSettings
from ..training import actor as files
from ..training.actor import read_record
from ..training.batches import MINIMUM_FRAMES, jitter
from ..training.checkpoint import load_weights
from ..training.loop import Task, Training
from ..training.settings import stored_settings
from ..training.trainer import actor_folder, find_settings, make_spec
from ..viz import contact_sheet, draw_pose, encode_png, enlarge
from .crowd import Crowd
from .pg2_networks import PersonNetworks

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
CODE = ("training", "nets", "losses", "skeleton", "viz", "baselines/crowd", "baselines/pg2", "baselines/pg2_networks")
"""The parts of this library that a training depends on."""


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
    limbs = limb_falloff(joints, size, MASK_RADIUS)
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


@dataclass(frozen=True)
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
            "adam_1": self.adam(self.nets.coarse),
            "adam_2": self.adam(self.nets.refiner),
            "adam_d": self.adam(self.nets.critic),
        }

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
        self.minimise(loss, "adam_1")
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
        self.minimise(gan + LAMBDA * fine, "adam_2")
        nets.critic.requires_grad_(True)
        with self.autocast():  # in turn: batched together they would share BatchNorm's statistics
            real, fake = (nets.critic(picture, image).float() for image in (target, refined.detach()))
        d = -losses.paired_gan(real, fake)
        self.minimise(d, "adam_d")
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
        answers.append([((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1) for x in both])
    coarse, refined = (torch.cat(frames) for frames in zip(*answers, strict=True))
    return coarse, refined


@dataclass(frozen=True)
class PersonGenerator:
    """PG² trained: it draws anybody of whom it is given a picture.

    Attributes:
        folder: where it is kept.
        settings: what it was trained with.
        record: provenance, as an `Actor` has it. `reference` is the crowd; after fine-tuning it is the video, and `unpaired` the crowd.
        nets: all three networks, on their device.
    """

    folder: Path
    settings: TrainSettings
    record: dict
    nets: PersonNetworks

    def generate(self, pictures: np.ndarray, joints: np.ndarray) -> np.ndarray:
        """People in poses.

        Args:
            pictures: (B, size, size, 3) uint8 on white, one of each person.
            joints: (B, 18, 2) float, pixels of the aligned frame, NaN where missing.

        Returns:
            (B, size, size, 3) uint8 on white.
        """
        device = next(self.nets.parameters()).device
        given, poses = (
            torch.from_numpy(np.ascontiguousarray(x)).to(device) for x in (pictures, np.asarray(joints, np.float32))
        )
        return generate(self.nets, given, poses, self.settings)[1].cpu().numpy()


def train_pg2(
    crowd: Crowd,
    *,
    profile: str = "quick",
    settings: TrainSettings | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
) -> PersonGenerator:
    """Train PG² on a crowd, resuming if `out` holds an unfinished training of the same kind.

    Args:
        crowd: the people, of whom `Crowd.first` takes fewer.
        profile: the budget, see `PROFILES`.
        settings: in place of the profile's. Of either, `pg2_settings` takes what it can use.
        seed, device, out: as `training.train` has them.

    Raises:
        InputError: as `training.train`.
    """
    settings, name = find_settings(profile, settings)
    settings, place = pg2_settings(settings), find_device(device)
    spec = make_spec([], [], settings, seed, code_hash(*CODE), {"method": METHOD, "reference": [crowd.source], "vgg": {}})
    folder = actor_folder(out, spec)
    if not _found(folder, spec):
        people = People.of_crowd(crowd, settings.size, place)
        _train(partial(PG2, settings, seed, place, people), folder, spec | {"profile": name}, place)
    return load_pg2(folder, device)


def fine_tune_pg2(
    trained: PersonGenerator,
    reference: Performance | Sequence[Performance],
    *,
    device: str = "auto",
    out: str | Path | None = None,
) -> PersonGenerator:
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
    about = {"method": FINE_TUNED, "unpaired": trained.record["reference"], "vgg": {}, "from": trained.record["hash"]}
    spec = make_spec(parts, [], settings, seed, code_hash(*CODE), about)
    folder = actor_folder(out, spec)
    if not _found(folder, spec):
        people = People.of_video(parts, settings.size, place)
        more = {"profile": trained.record["profile"], "seconds_before": trained.record["seconds"]}
        _train(partial(PG2, settings, seed, place, people, trained.nets), folder, spec | more, place)
    return load_pg2(folder, device)


def _train(make: Callable[[], PG2], folder: Path, record: dict, place: torch.device) -> None:
    """What `training.trainer.train_task` does, for what `training.actor.load_actor` can't load.

    Were `load_actor` to know these networks too, by a further value of `sees`, and to keep a conditioning image, then this, `load_pg2` and
    `PG2Actor` would be those.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder} ({error.strerror}): choose another place") from error
    with FileLock(folder / ".lock"):
        if _found(folder, record):  # another process was training it meanwhile
            return
        for left in folder.glob(".*.tmp"):  # half-written when a former process was killed
            left.unlink()
        record = record | {"device": describe(place), "finished": False} | made_by()
        write_json(folder / files.RECORD, record)
        with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
            Training(folder, record, make(), record["seed"]).run()


def _found(folder: Path, record: dict) -> bool:
    """Whether the folder holds this training, finished. InputError if it holds another one."""
    if not (folder / files.RECORD).exists():
        return False
    found = read_record(folder)
    if found.get("hash") != record["hash"]:
        raise InputError(
            f"{folder} holds an actor of another training (crowd, video, settings, seed or the library's code differ): choose another place"
        )
    return bool(found.get("finished"))


def load_pg2(folder: str | Path, device: str = "auto") -> PersonGenerator:
    """Load what `train_pg2` or `fine_tune_pg2` wrote. InputError if it is missing, damaged, unfinished or something else."""
    folder = Path(folder)
    record = read_record(folder)
    if record.get("method") not in (METHOD, FINE_TUNED):
        raise InputError(f"{folder} holds no PG2: load it with perfclone.load_actor")
    if not record.get("finished"):
        raise InputError(f"the training of {folder} has not finished: ask for it again to resume it")
    settings = stored_settings(record["settings"])
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, though none is kept
        nets = PersonNetworks(settings.size, settings.width)
    load_weights(folder / files.WEIGHTS, nets)
    return PersonGenerator(folder, settings, record, nets.to(find_device(device)).eval())


# ---- actors ----


@dataclass(frozen=True)
class PG2Actor:
    """A target actor as PG² knows them, by one frame: what clones and measures an `Actor` takes this as well.

    Attributes:
        folder: where it is kept.
        settings: what the networks were trained with.
        record: provenance, as an `Actor` has it; `unpaired` is the crowd, `conditioning` the number of the frame among the reference's.
        person_generator: the networks.
        picture: (size, size, 3) uint8 on white, the conditioning image.
        joints: (T, 18, 2) float32, the reference poses in pixels of the aligned frame, NaN where missing.
        plate: (256, 256, 3) uint8, the reference video's background without the performer.
    """

    folder: Path
    settings: TrainSettings
    record: dict
    person_generator: PersonGenerator
    picture: np.ndarray
    joints: np.ndarray
    plate: np.ndarray

    @property
    def log(self) -> pd.DataFrame:
        """The losses over the training, a row a logged step; NaN where a stage does not have them."""
        return pd.read_csv(self.folder / files.LOG)

    def generate(self, joints: np.ndarray) -> np.ndarray:
        """The actor in poses, (B, 1, 18, 2) in pixels of the aligned frame, NaN where missing → (B, 1, size, size, 3) uint8 on white."""
        pictures = np.repeat(self.picture[None], len(joints), 0)
        return self.person_generator.generate(pictures, joints[:, 0])[:, None]


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


def pg2_actor(
    trained: PersonGenerator, reference: Performance | Sequence[Performance], out: str | Path | None = None
) -> PG2Actor:
    """Make an actor of one frame of a reference video (`conditioning_frame`).

    Args:
        trained: of `train_pg2` or `fine_tune_pg2`.
        reference: the target actor's performance, or several parts of one.
        out: the actor's folder, by default one in the cache.

    Raises:
        InputError: nobody is seen, the folder holds another actor, or can't be written.
    """
    parts = [reference] if isinstance(reference, Performance) else list(reference)
    fine_tuned = trained.record["method"] == FINE_TUNED
    crowd = trained.record["unpaired" if fine_tuned else "reference"]
    about = {"method": trained.record["method"], "unpaired": crowd, "vgg": {}, "from": trained.record["hash"], "actor": True}
    spec = make_spec(parts, [], trained.settings, trained.record["seed"], code_hash(*CODE), about)
    folder = actor_folder(out, spec)
    if not _found(folder, spec):
        _keep_actor(folder, trained, parts, spec)
    return load_pg2_actor(folder, next(trained.nets.parameters()).device.type)


def _keep_actor(folder: Path, trained: PersonGenerator, parts: list[Performance], spec: dict) -> None:
    """Write its folder; the record goes last, so that without it there is nothing yet."""
    joints = np.concatenate([part.poses.joints for part in parts]).astype(np.float32)
    if not any(part.poses.seen.any() for part in parts):
        raise InputError(f"nobody is seen in {parts[0].name}: give another video")
    at = conditioning_frame(joints)
    picture = np.concatenate([part.frames(trained.settings.size) for part in parts])[at]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, joints=joints)
    for name in (files.WEIGHTS, files.LOG, files.SAMPLES):
        write_bytes(folder / name, (trained.folder / name).read_bytes())
    write_bytes(folder / files.POSES, buffer.getvalue())
    write_bytes(folder / files.PLATE, encode_png(parts[0].plate))
    write_bytes(folder / PICTURE, encode_png(picture))
    seconds = round(trained.record["seconds"] + trained.record.get("seconds_before", 0), 1)
    write_json(folder / files.RECORD, trained.record | spec | {"conditioning": at, "seconds": seconds})


def load_pg2_actor(folder: str | Path, device: str = "auto") -> PG2Actor:
    """Load what `pg2_actor` wrote. InputError if it is missing, damaged or something else."""
    trained = load_pg2(folder, device)
    folder, size = trained.folder, trained.settings.size
    with archive.damage(f"the actor folder {folder}", "train the actor again"):
        count = sum(int(source["frames"]) for source in trained.record["reference"])
        if not 0 < count <= archive.MAX_FRAMES:
            raise ValueError("frames out of range")
        joints = archive.read_arrays(folder / files.POSES, {"joints": ((count, J, 2), "<f4")})["joints"]
        picture, plate = (_read_png(folder / name, side) for name, side in ((PICTURE, size), (files.PLATE, FRAME)))
    return PG2Actor(folder, trained.settings, trained.record, trained, picture, joints, plate)


def _read_png(path: Path, side: int) -> np.ndarray:
    png = archive.check_png(path.read_bytes(), side, side, "RGB")
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
