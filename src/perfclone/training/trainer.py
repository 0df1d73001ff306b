"""Training the two-branch network (Sec. 3.2): the loop, what it shows, and how it goes on after an interruption."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from filelock import FileLock
from torch import Tensor

from ..capture import Performance
from ..device import describe, find_device, find_precision
from ..errors import InputError
from ..files import cache_folder, write_bytes, write_json
from ..nets import VGGFeatures, load_vgg
from ..nets.vgg import Bank
from ..progress import progress
from ..provenance import code_hash, made_by
from ..viz import encode_png, sample_sheet
from . import actor as files
from .actor import Actor, generate, load_actor, read_record
from .batches import PairedData, UnpairedData
from .checkpoint import load_checkpoint, save_checkpoint, save_weights
from .networks import Networks
from .settings import TrainSettings, find_profile

CHECKPOINT = "checkpoint.safetensors"


def train(
    reference: Performance | Sequence[Performance],
    unpaired: Sequence[Performance] = (),
    *,
    profile: str = "quick",
    settings: TrainSettings | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    vgg: str = "auto",
) -> Actor:
    """Train a target actor, resuming if `out` holds an unfinished training of the same kind.

    Args:
        reference: the target actor's performance, or several parts of one.
        unpaired: performances of others, whose poses and flow feed the unpaired branch; without any, only the paired branch trains.
        profile: the budget, see `PROFILES`.
        settings: in place of the profile's.
        seed: of the weights and the batches.
        device: `auto`, `cpu` or `cuda`.
        out: the actor's folder; by default one in the cache, named by all that the result depends on, so that the same
            training is never done twice.
        vgg: where φ comes from, see `nets.load_vgg`.

    Returns:
        The trained actor, loaded from its folder.

    Raises:
        InputError: too few usable frames, a folder that holds something else, a full disk, losses that are no longer finite.
    """
    parts = [reference] if isinstance(reference, Performance) else list(reference)
    budget = find_profile(profile)
    settings = settings or budget.settings
    name = profile if settings == budget.settings else f"{profile}, with settings of its own"
    place = find_device(device)
    bank = load_vgg(vgg)
    spec = _spec(parts, unpaired, settings, seed, bank)
    folder = Path(out) if out is not None else cache_folder("actors") / spec["hash"][:16]
    if (actor := _finished(folder, spec, device)) is not None:
        return actor
    paired = PairedData.of(parts, settings.size, settings.window, place)
    others = UnpairedData.of(list(unpaired), settings.size, settings.window, place) if unpaired else None
    record = spec | {"profile": name, "device": describe(place), "finished": False} | made_by()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder} ({error.strerror}): choose another place") from error
    with FileLock(folder / ".lock"):
        if (actor := _finished(folder, spec, device)) is not None:  # another process was training it meanwhile
            return actor
        for left in folder.glob(".*.tmp"):  # half-written when a former process was killed
            left.unlink()
        _keep_reference(folder, parts)
        write_json(folder / files.RECORD, record)
        with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
            Training(folder, record, settings, seed, place, bank, paired, others).run()
    return load_actor(folder, device)


def _spec(parts: list[Performance], unpaired: Sequence[Performance], settings: TrainSettings, seed: int, bank: Bank) -> dict:
    """All that the result depends on but the machine, with its hash."""
    spec = {
        "format": files.FORMAT,
        "code": code_hash("training", "nets", "losses", "skeleton"),
        "settings": asdict(settings),
        "seed": seed,
        "vgg": {"name": bank.name, "genuine": bank.genuine, "sha256": bank.sha256},
        "reference": [_source(p) for p in parts],
        "unpaired": [_source(p) for p in unpaired],
    }
    return spec | {"hash": hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()}


def _source(performance: Performance) -> dict:
    return {
        "name": performance.name,
        "sha256": performance.sha256,
        "key": performance.key,
        "first": performance.first,
        "frames": len(performance),
    }


def _finished(folder: Path, spec: dict, device: str) -> Actor | None:
    """The actor if it is there already; None if there is nothing yet or an unfinished training to go on with."""
    if not (folder / files.RECORD).exists():
        return None
    record = read_record(folder)
    if record.get("hash") != spec["hash"]:
        raise InputError(
            f"{folder} holds an actor of another training (video, settings, seed or the library's code differ): choose another --out"
        )
    return load_actor(folder, device) if record.get("finished") else None


def _keep_reference(folder: Path, parts: list[Performance]) -> None:
    """Poses and clean plate, which cloning and the pose metrics need when the video is gone."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, joints=np.concatenate([p.poses.joints for p in parts]).astype(np.float32))
    write_bytes(folder / files.POSES, buffer.getvalue())
    write_bytes(folder / files.PLATE, encode_png(parts[0].plate))


class Training:
    """One training under way."""

    def __init__(
        self,
        folder: Path,
        record: dict,
        settings: TrainSettings,
        seed: int,
        device: torch.device,
        bank: Bank,
        paired: PairedData,
        unpaired: UnpairedData | None,
    ) -> None:
        torch.manual_seed(seed)
        precision = find_precision(settings.precision, device)
        self.folder, self.record, self.settings, self.seed = folder, record | {"precision": precision}, settings, seed
        self.paired, self.unpaired = paired, unpaired
        self.nets = Networks(settings, VGGFeatures(bank, settings.vgg_range)).to(device, memory_format=torch.channels_last)
        self.autocast = partial(torch.autocast, device.type, torch.bfloat16, enabled=precision == "bf16")
        adam = {"lr": settings.learning_rate, "betas": (settings.beta1, settings.beta2), "fused": True}
        self.optimisers = {
            "adam_g": torch.optim.Adam(self.nets.G.parameters(), **adam),
            "adam_p": torch.optim.Adam(self.nets.D_p.parameters(), **adam),
            "adam_s": torch.optim.Adam(self.nets.D_s.parameters(), **adam),
        }
        self.step, self.log = 0, []
        if (folder / CHECKPOINT).exists():
            self.step, self.log = load_checkpoint(folder / CHECKPOINT, self.nets, self.optimisers)

    def run(self) -> None:
        """All steps that are left, then the actor's files; the checkpoint goes last."""
        start, began = self.step, time.perf_counter()
        steps = self.settings.steps
        log_every = max(1, steps // 100)
        save_every = log_every * max(1, min(steps // 20, 2500) // log_every)
        since: dict[str, list[Tensor]] = defaultdict(list)
        with progress(total=steps, desc=f"training {self.record['reference'][0]['name']}") as bar:
            bar.update(start)
            while self.step < steps:
                for name, value in self.train_step().items():
                    since[name].append(value)
                bar.update()
                if self.step % log_every == 0:
                    bar.set_postfix(self.log_row(since), refresh=False)
                    since.clear()
                if self.step % save_every == 0:
                    save_checkpoint(self.folder / CHECKPOINT, self.nets, self.optimisers, self.step, self.log)
                    self.show_samples()
        self.record |= {"finished": True, "seconds": round(time.perf_counter() - began, 1), "resumed_from_step": start}
        self.show_samples()
        write_bytes(self.folder / files.LOG, pd.DataFrame(self.log).to_csv(index=False).encode())
        save_weights(self.folder / files.WEIGHTS, self.nets.G)
        write_json(self.folder / files.RECORD, self.record)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def train_step(self) -> dict[str, Tensor]:
        """One step of the discriminators, then one of G. Returns each loss, detached."""
        s = self.settings
        lambda_s = s.lambda_s if self.unpaired is not None and self.step >= s.warmup_steps else 0.0
        draw = torch.Generator().manual_seed((self.seed << 32) + self.step)
        torch.manual_seed(int(torch.randint(2**62, (), generator=draw)))  # dropout's, if there is any
        poses_p, real = self.paired.batch(s.batch // 2, draw, s.shift)
        poses_s = flow = None
        if lambda_s > 0:  # with a weight of zero the unpaired branch could not move anything: it is not computed
            poses_s, flow = self.unpaired.batch(s.batch // 2, draw)
        volume_s = None if poses_s is None else poses_s.reshape(-1, s.window, *poses_s.shape[2:])
        with self.autocast():
            paired, unpaired = self.nets(poses_p, volume_s)
            d_losses = self.nets.discriminator_losses(paired, unpaired, real)
        if d_losses:
            self._minimise(sum(d_losses.values()), [f"adam_{name[-1]}" for name in d_losses])
        self.nets.D_p.requires_grad_(False)
        self.nets.D_s.requires_grad_(False)
        with self.autocast():
            g_losses = self.nets.generator_losses(paired, unpaired, real, poses_s, flow)
        self._minimise(self.nets.objective(g_losses, lambda_s), ["adam_g"])
        self.nets.D_p.requires_grad_(True)
        self.nets.D_s.requires_grad_(True)
        self.step += 1
        return {name: value.detach() for name, value in (d_losses | g_losses).items()}

    def _minimise(self, loss: Tensor, optimisers: list[str]) -> None:
        for name in optimisers:
            self.optimisers[name].zero_grad(set_to_none=True)
        loss.backward()
        for name in optimisers:
            self.optimisers[name].step()

    def log_row(self, since: dict[str, list[Tensor]]) -> dict[str, str]:
        """Append the mean of each loss to the log, and give it in short for the progress bar. InputError if one is not finite."""
        row = {name: float(torch.stack(values).mean()) for name, values in since.items()}
        if not all(np.isfinite(value) for value in row.values()):
            raise InputError(
                f"training diverged before step {self.step}: try another seed or gentler settings (a smaller init_std)"
            )
        self.log.append({"step": self.step} | row)
        return {name: f"{value:.3f}" for name, value in row.items()}

    def show_samples(self) -> None:
        """Write samples.png: reference frame, pose, generated frame; and what G makes of unpaired poses."""
        n = self.settings.window
        at = self.paired.starts[torch.linspace(0, len(self.paired.starts) - 1, 8).long().to(self.paired.starts.device)]
        rows = [(self.paired.joints, at, self.paired.frames)]
        if self.unpaired is not None:
            at = self.unpaired.starts[
                torch.linspace(0, len(self.unpaired.starts) - 1, 8).long().to(self.unpaired.starts.device)
            ]
            rows.append((self.unpaired.joints, at, None))
        columns = []
        for joints, at, frames in rows:
            poses = joints[at[:, None] + torch.arange(n, device=at.device)]
            generated = generate(self.nets.G, poses, self.settings)[:, 0].cpu().numpy()
            real = None if frames is None else frames[at].permute(0, 2, 3, 1).cpu().numpy()
            columns.append((real, poses[:, 0].cpu().numpy(), generated))
        write_bytes(self.folder / files.SAMPLES, encode_png(sample_sheet(columns)))
