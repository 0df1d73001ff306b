"""The small actor that is stored with the book: what its first chapters show when nothing shall be trained.

`perfclone-lab store actor`
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save

from perfclone.capture import capture
from perfclone.files import write_bytes
from perfclone.training import Actor, train
from perfclone.training.actor import LOG, PLATE, POSES, RECORD, SAMPLES, WEIGHTS

PROFILE = "quick"


def store_actor(actor: Actor, folder: Path) -> None:
    """Copy an actor's folder, its weights in half precision, which halves the file and moves no pixel by more than a level or so.

    Args:
        actor: trained.
        folder: `data/reference/actor`. `perfclone clone` and `load_actor` take it like any other.
    """
    for name in (RECORD, POSES, PLATE, LOG, SAMPLES):
        write_bytes(folder / name, (actor.folder / name).read_bytes())
    weights = load_file(actor.folder / WEIGHTS)
    halved = {name: value.half() if value.dtype == torch.float32 else value for name, value in weights.items()}
    write_bytes(folder / WEIGHTS, save(halved))


def store_small_actor(data: Path, device: str = "auto") -> None:
    """Train `dee` with `eve`'s poses, and store her in `data/reference/actor`."""
    reference, driving = (capture(data / "actors" / f"{name}.mp4") for name in ("dee", "eve"))
    store_actor(train(reference, [driving], profile=PROFILE, device=device), data / "reference" / "actor")
