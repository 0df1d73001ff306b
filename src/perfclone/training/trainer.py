"""A training from performances to the actor's folder: what names it, and that it is done once, whatever interrupts it (Sec. 3.2)."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

from ..capture import Performance
from ..device import describe, find_device, thread_count, threads_for
from ..errors import InputError
from ..files import cache_folder, write_bytes, write_json
from ..provenance import made_by
from ..skeleton import FRAME, J
from ..viz import encode_png
from . import actor as files
from . import two_branches as two_branches  # registers the paper's method
from .actor import Actor, load_actor, read_record
from .loop import Task, Training
from .methods import METHODS, PAPER
from .settings import TrainSettings, find_profile


def train(
    reference: Performance | Sequence[Performance],
    unpaired: Sequence[Performance] = (),
    *,
    method: str = PAPER,
    profile: str = "quick",
    settings: TrainSettings | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
) -> Actor:
    """Train a target actor, resuming if `out` holds an unfinished training of the same kind.

    Args:
        reference: the target actor's performance, or several parts of one.
        unpaired: performances of others, whose poses and flow feed the unpaired branch; without any, only the paired branch trains.
        method: one of `METHODS`; `paper` is the paper's.
        profile: the budget, see `PROFILES`.
        settings: in place of the profile's. Of either, a method that is not the paper's takes what it can use.
        seed: of the weights and the batches.
        device: `auto`, `cpu` or `cuda`.
        out: the actor's folder; by default one in the cache, named by all that the result depends on, so that the same
            training is never done twice.

    Returns:
        The trained actor, loaded from its folder.

    Raises:
        InputError: too few usable frames, a folder that holds something else, a full disk, losses that are no longer finite.
    """
    parts, others = [reference] if isinstance(reference, Performance) else list(reference), list(unpaired)
    task, (settings, name) = METHODS.find(method), find_settings(profile, settings)
    settings = task.settings_for(settings)
    about = {"reference": [source(part) for part in parts], "unpaired": [source(part) for part in others]}
    spec = make_spec(method, settings, seed, about | task.about(parts, others))
    folder = actor_folder(out, spec)
    if (actor := find_actor(folder, spec, device)) is not None:
        return actor
    place = find_device(device)
    make = partial(task, settings, seed, place, *task.data(settings, place, parts, others))
    return train_task(make, parts, folder, spec | {"profile": name}, device)


def find_settings(profile: str, settings: TrainSettings | None) -> tuple[TrainSettings, str]:
    """The settings, by default the profile's, and what the record calls the budget. InputError if there is no such profile."""
    budget = find_profile(profile)
    settings = settings or budget.settings
    return settings, profile if settings == budget.settings else f"{profile}, with settings of its own"


def make_spec(method: str, settings: TrainSettings, seed: int, about: dict) -> dict:
    """All that the result of a training depends on but the machine, with its hash.

    Args:
        method: a name of `METHODS`; its version is part of the spec.
        settings, seed: of the training.
        about: `reference` and `unpaired`, what was learned from, and what else it depends on, as JSON takes it.
    """
    version = METHODS.find(method).version
    spec = {"format": files.FORMAT, "method": method, "version": version, "settings": asdict(settings), "seed": seed, **about}
    return spec | {"hash": hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()}


def actor_folder(out: str | Path | None, spec: dict) -> Path:
    """`out`, or a folder in the cache that is named by all that the result depends on."""
    return Path(out) if out is not None else cache_folder("actors") / spec["hash"][:16]


def train_task(make: Callable[[], Task], parts: list[Performance], folder: Path, record: dict, device: str) -> Actor:
    """Train whatever a method is, once: it goes on with what was interrupted, and of two processes that ask one waits.

    Args:
        make: draws the weights. torch's random state, which it may change, is put back.
        parts: of the target actor's performance; none where the method learns of nobody in particular.
        folder: the actor's.
        record: of `make_spec`, with the profile.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        InputError: a folder that holds something else, a full disk, losses that are no longer finite.
    """
    place = find_device(device)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder} ({error.strerror}): choose another place") from error
    with FileLock(folder / ".lock"):
        if (actor := find_actor(folder, record, device)) is not None:  # another process was training it meanwhile
            return actor
        for left in folder.glob(".*.tmp"):  # half-written when a former process was killed
            left.unlink()
        keep_reference(folder, parts)
        with thread_count(threads_for(record["settings"]["size"], record["settings"]["width"], place)):
            record = record | {"device": describe(place), "finished": False} | made_by()
            write_json(folder / files.RECORD, record)
            with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
                Training(folder, record, make(), record["seed"]).run()
    return load_actor(folder, device)


def source(performance: Performance) -> dict:
    """What a record says of a performance that was learned from."""
    return {
        "name": performance.name,
        "sha256": performance.sha256,
        "key": performance.key,
        "first": performance.first,
        "frames": len(performance),
    }


def find_actor(folder: Path, spec: dict, device: str) -> Actor | None:
    """The actor if it is there already; None if there is nothing yet or an unfinished training to go on with.

    Raises:
        InputError: the folder holds an actor of another training than `spec`, or is damaged.
    """
    if not (folder / files.RECORD).exists():
        return None
    record = read_record(folder)
    if record.get("hash") != spec["hash"]:
        raise InputError(
            f"{folder} holds an actor of another training (video, settings, seed or the method's version differ): choose another --out"
        )
    return load_actor(folder, device) if record.get("finished") else None


def keep_reference(folder: Path, parts: Sequence[Performance]) -> None:
    """Write poses and clean plate, which cloning and the pose metrics need when the video is gone; without parts none, and white."""
    joints = np.concatenate([np.zeros((0, J, 2), np.float32), *(part.poses.joints for part in parts)]).astype(np.float32)
    plate = parts[0].plate if parts else np.full((FRAME, FRAME, 3), 255, np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, joints=joints)
    write_bytes(folder / files.POSES, buffer.getvalue())
    write_bytes(folder / files.PLATE, encode_png(plate))
