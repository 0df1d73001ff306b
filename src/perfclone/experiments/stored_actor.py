"""The small actor that is stored with the book: what its first chapters show when nothing shall be trained.

`python -m perfclone.experiments.stored_actor`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from ..capture import capture
from ..files import write_bytes
from ..training import PROFILES, Actor, train
from ..training.actor import LOG, PLATE, POSES, RECORD, SAMPLES, WEIGHTS

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


def main() -> None:
    """Train `dee` with `eve`'s poses, and store her."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="the repository's data folder")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    reference, driving = (
        capture(args.data / "actors" / f"{name}.mp4", max_frames=PROFILES[PROFILE].max_frames) for name in ("dee", "eve")
    )
    store_actor(train(reference, [driving], profile=PROFILE, device=args.device), args.data / "reference" / "actor")


if __name__ == "__main__":
    main()
